module example.org/risk

go 1.24

require bureaucrat.example/guest v1.0.0

replace bureaucrat.example/guest => ..
