//go:build race

package main

// racers is fewer where the race detector makes each process several times slower: a claim has two seconds by the clock.
const racers = 6
