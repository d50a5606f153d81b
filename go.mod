module github.com/trm-go/refiner

go 1.26

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/kljensen/snowball v0.10.0 // indirect
	golang.org/x/text v0.30.0 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)
