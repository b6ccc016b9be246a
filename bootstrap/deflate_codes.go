package bootstrap

import (
	"cmp"
	"math/bits"
	"slices"
)

// bitWriter writes bits as deflate wants them: the lowest first.
type bitWriter struct {
	out  []byte
	have uint64
	n    int
}

func (w *bitWriter) write(value uint64, n int) {
	w.have |= value << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.have))
		w.have >>= 8
	}
}

func (w *bitWriter) bits() int { return len(w.out)*8 + w.n }

func (w *bitWriter) close() []byte {
	if w.n > 0 {
		w.write(0, 8-w.n)
	}
	return w.out
}

// lengthCode is the code of a copy's length, with how many extra bits, and which.
// https://www.rfc-editor.org/rfc/rfc1951#section-3.2.5
func lengthCode(n int) (code, extra int, rest uint64) {
	switch n -= minCopy; {
	case n == maxCopy-minCopy:
		return 285, 0, 0
	case n < 8:
		return 257 + n, 0, 0
	}
	extra = bits.Len(uint(n)) - 3
	return 257 + 4*extra + n>>extra, extra, uint64(n) & (1<<extra - 1)
}

// distanceCode is the code of a copy's distance.
func distanceCode(n int) (code, extra int, rest uint64) {
	if n--; n < 4 {
		return n, 0, 0
	}
	extra = bits.Len(uint(n)) - 2
	return 2*extra + n>>extra, extra, uint64(n) & (1<<extra - 1)
}

// codeLengths are the lengths of a Huffman code for these frequencies, none longer than limit. Where one would be, the
// frequencies are brought closer together.
func codeLengths(frequency []int, limit int) []int {
	for frequency = slices.Clone(frequency); ; {
		lengths := huffman(frequency)
		if slices.Max(lengths) <= limit {
			return lengths
		}
		for i, f := range frequency {
			frequency[i] = (f + 1) / 2
		}
	}
}

// huffman are the lengths of the shortest code for these frequencies.
func huffman(frequency []int) []int {
	var symbols []int
	for s, f := range frequency {
		if f > 0 {
			symbols = append(symbols, s)
		}
	}
	lengths := make([]int, len(frequency))
	if len(symbols) < 2 {
		for _, s := range symbols {
			lengths[s] = 1
		}
		return lengths
	}
	slices.SortStableFunc(symbols, func(a, b int) int { return cmp.Compare(frequency[a], frequency[b]) })
	// The leaves stand first, by weight; the nodes that join two come out by weight too.
	n := len(symbols)
	weight, parent := make([]int, 2*n-1), make([]int, 2*n-1)
	for i, s := range symbols {
		weight[i] = frequency[s]
	}
	leaf, node := 0, n
	lightest := func(end int) int {
		if leaf < n && (node >= end || weight[leaf] <= weight[node]) {
			leaf++
			return leaf - 1
		}
		node++
		return node - 1
	}
	for next := n; next < len(weight); next++ {
		a, b := lightest(next), lightest(next)
		weight[next] = weight[a] + weight[b]
		parent[a], parent[b] = next, next
	}
	depth := make([]int, len(weight))
	for i := len(weight) - 2; i >= 0; i-- {
		depth[i] = depth[parent[i]] + 1
	}
	for i, s := range symbols {
		lengths[s] = depth[i]
	}
	return lengths
}

// codes are the codes of these lengths, in the order in which they are written.
// https://www.rfc-editor.org/rfc/rfc1951#section-3.2.2
func codes(lengths []int) []uint64 {
	var next, count [16]int
	for _, n := range lengths {
		if n > 0 {
			count[n]++
		}
	}
	for n := 1; n < len(next); n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	list := make([]uint64, len(lengths))
	for s, n := range lengths {
		if n > 0 {
			list[s] = uint64(bits.Reverse16(uint16(next[n])) >> (16 - n))
			next[n]++
		}
	}
	return list
}

// write writes the block: its codes, its tokens, its end.
func (b block) write(w *bitWriter, last bool) {
	if last {
		w.write(1, 1)
	} else {
		w.write(0, 1)
	}
	w.write(2, 2)
	b.writeCodes(w)
	symbols, distances := codes(b.symbols), codes(b.distance)
	for _, t := range b.tokens {
		if t.length == 0 {
			w.write(symbols[t.letter], b.symbols[t.letter])
			continue
		}
		code, extra, rest := lengthCode(t.length)
		w.write(symbols[code], b.symbols[code])
		w.write(rest, extra)
		code, extra, rest = distanceCode(t.distance)
		w.write(distances[code], b.distance[code])
		w.write(rest, extra)
	}
	w.write(symbols[endOfBlock], b.symbols[endOfBlock])
}

// run is one symbol of the lengths' own code, with its extra bits.
type run struct {
	symbol, extra int
	rest          uint64
}

// runs are code lengths, in which the same one several times is a repetition.
// https://www.rfc-editor.org/rfc/rfc1951#section-3.2.7
func runs(lengths []int) (list []run) {
	for i := 0; i < len(lengths); {
		n := 1
		for i+n < len(lengths) && lengths[i+n] == lengths[i] {
			n++
		}
		i += n
		value := lengths[i-1]
		if value != 0 {
			list = append(list, run{symbol: value})
			n--
		}
		for n > 0 {
			switch {
			case value == 0 && n >= 11:
				k := min(n, 138)
				list = append(list, run{18, 7, uint64(k - 11)})
				n -= k
			case value == 0 && n >= 3:
				list = append(list, run{17, 3, uint64(n - 3)})
				n = 0
			case value != 0 && n >= 3:
				k := min(n, 6)
				list = append(list, run{16, 2, uint64(k - 3)})
				n -= k
			default:
				list = append(list, run{symbol: value})
				n--
			}
		}
	}
	return list
}

// writeCodes writes the lengths of both codes, by a third one.
func (b block) writeCodes(w *bitWriter) {
	order := []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	trim := func(list []int, least int) []int {
		n := len(list)
		for n > least && list[n-1] == 0 {
			n--
		}
		return list[:n]
	}
	symbols, distances := trim(b.symbols, 257), trim(b.distance, 1)
	list := runs(slices.Concat(symbols, distances))
	frequency := make([]int, 19)
	for _, r := range list {
		frequency[r.symbol]++
	}
	lengths := codeLengths(frequency, 7)
	own := codes(lengths)
	n := len(order)
	for n > 4 && lengths[order[n-1]] == 0 {
		n--
	}
	w.write(uint64(len(symbols)-257), 5)
	w.write(uint64(len(distances)-1), 5)
	w.write(uint64(n-4), 4)
	for _, s := range order[:n] {
		w.write(uint64(lengths[s]), 3)
	}
	for _, r := range list {
		w.write(own[r.symbol], lengths[r.symbol])
		w.write(r.rest, r.extra)
	}
}
