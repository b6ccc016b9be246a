package main

import (
	"fmt"
	"strconv"
	"sync"
)

// counts are the numbers of runners of one start, and kinds how they register.
var (
	counts = []int{1, 3, 10, 50, 200}
	kinds  = []kind{{"token", "false"}, {"JIT", "true"}}
)

// kind is a way to register, with the value of the input use-jit.
type kind struct{ name, jit string }

func many(count int, by string) string { return fmt.Sprintf("%d by %s", count, by) }

func manyRows() (rows []row) {
	for _, k := range kinds {
		for _, count := range counts {
			rows = append(rows, row{many(count, k.name), "s", 0}, row{many(count, k.name) + ": GitHub", "calls", 0},
				row{many(count, k.name) + ": GitHub's points", "points", 0}, row{many(count, k.name) + ": EC2", "calls",
					0},
				row{many(count, k.name) + ": RunInstances", "calls", 0})
		}
	}
	return rows
}

// manyRunners starts groups of runners under EC2's and GitHub's limits, in real time.
func manyRunners(t *trial) error {
	errs := make([]error, len(kinds)*len(counts))
	var group sync.WaitGroup
	for i, k := range kinds {
		for j, count := range counts {
			group.Go(func() {
				if err := t.startMany(k, count); err != nil {
					errs[i*len(counts)+j] = fmt.Errorf("%s: %w", many(count, k.name), err)
				}
			})
		}
	}
	group.Wait()
	return firstReal(errs)
}

func (t *trial) startMany(k kind, count int) error {
	s, err := t.scene(nil)
	if err != nil {
		return err
	}
	defer s.close()
	result, err := s.run("start", startInputs(map[string]string{"count": strconv.Itoa(count), "use-jit": k.jit,
		"label": "bench"}))
	if err != nil {
		return err
	}
	t.add(many(count, k.name), result.Took.Seconds())
	t.count(s, many(count, k.name), 0)
	t.add(many(count, k.name)+": RunInstances", s.operations("RunInstances"))
	return nil
}
