//go:build !race

package main

// racers is how many processes start at once.
const racers = 20
