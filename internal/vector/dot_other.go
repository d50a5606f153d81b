//go:build !amd64

package vector

func dotInts(q []int16, v []int8) int32 { return dotPlain(q, v) }
