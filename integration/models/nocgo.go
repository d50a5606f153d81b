//go:build !cgo

package models

const cgo = false
