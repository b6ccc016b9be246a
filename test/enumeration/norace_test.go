//go:build !race

package enumeration

const everyNth = 1
