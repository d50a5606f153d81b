module github.com/trm-go/refiner

go 1.26
