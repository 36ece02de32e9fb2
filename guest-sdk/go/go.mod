module bureaucrat.example/risk

go 1.24
