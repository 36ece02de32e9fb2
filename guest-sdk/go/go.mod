module bureaucrat.example/guest

go 1.24
