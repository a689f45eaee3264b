package kv_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/store/internal/envelope"
	"github.com/qrsrisk/qrsd/store/internal/kv"
)

// A history is a workload whose every state can be judged: op n writes its number into collections 1 and 2, takes hot
// records of collection 3 for itself or deletes them, and in Finish appends its number to the chain in collection 4. So
// whatever ops a file holds, it must hold all of each, and the chain says what the hot records must be.

const hot = 8

// hotOf are the hot records that op n writes, and whether it deletes them.
func hotOf(n int) (first, second int, deletes bool) { return n % hot, n / 3 % hot, n%7 == 0 }

// historyOp is op n of a history. Some values are large enough for pages that overflow.
func (f *file) historyOp(n int) kv.Op {
	name := strconv.Itoa(n)
	return kv.Op{
		Prepare: func(tx *kv.Tx) error {
			if _, _, err := tx.Get(at(3, "%d", n%hot)); err != nil { // conflicts with others
				return err
			}
			pad := strings.Repeat(".", n%5*n%5*800)
			for number := range uint16(2) {
				a := at(number+1, "op %s", name)
				if err := tx.Put(a, f.box(a, name+pad)); err != nil {
					return err
				}
			}
			first, second, deletes := hotOf(n)
			for _, h := range []int{first, second} {
				a := at(3, "%d", h)
				if deletes {
					if err := tx.Delete(a); err != nil {
						return err
					}
				} else if err := tx.Put(a, f.box(a, name)); err != nil {
					return err
				}
			}
			return nil
		},
		Finish: func(tail *kv.Tail) error {
			key, _, _, err := tail.Last(space, 4)
			if err != nil {
				return err
			}
			last := 0
			if key != nil {
				if last, err = strconv.Atoi(string(key)); err != nil {
					return err
				}
			}
			a := at(4, "%06d", last+1)
			return tail.Put(a, f.box(a, name))
		},
		Essential: n%4 == 0,
	}
}

// judge reads a file that holds a history and says what is wrong with it; "" for nothing. required are the ops that must be
// there, allowed those that may.
func (f *file) judge(required, allowed func(n int) bool, last int) string {
	var wrong string
	err := f.View(context.Background(), func(tx *kv.ReadTx) error {
		here := make([]map[string]string, 5)
		for number := range here {
			here[number] = map[string]string{}
			err := tx.Scan(space, uint16(number), nil, func(key []byte, b envelope.Box) (bool, error) {
				plain, err := f.plain(kv.Address{Space: space, Collection: uint16(number), Key: key}, b)
				here[number][string(key)] = strings.TrimRight(plain, ".")
				return true, err
			})
			if err != nil {
				return err
			}
		}
		wrong = judgeChain(here, required, allowed, last)
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return wrong
}

func judgeChain(here []map[string]string, required, allowed func(n int) bool, last int) string {
	hotNow, times := map[string]string{}, map[int]int{}
	for i := 1; i <= len(here[4]); i++ {
		name, ok := here[4][fmt.Sprintf("%06d", i)]
		if !ok {
			return fmt.Sprintf("chain of %d lacks link %d", len(here[4]), i)
		}
		n, err := strconv.Atoi(name)
		if err != nil {
			return err.Error()
		}
		times[n]++
		first, second, deletes := hotOf(n)
		for _, h := range []int{first, second} {
			if hotNow[strconv.Itoa(h)] = name; deletes {
				delete(hotNow, strconv.Itoa(h))
			}
		}
	}
	for n := range last {
		name := strconv.Itoa(n)
		present := here[1]["op "+name] == name
		switch {
		case times[n] > 1:
			return fmt.Sprintf("op %d was committed %d times", n, times[n])
		case present != (times[n] == 1) || present != (here[2]["op "+name] == name):
			return fmt.Sprintf("op %d is there in part", n)
		case !present && required(n):
			return fmt.Sprintf("op %d was acknowledged and is missing", n)
		case present && !allowed(n):
			return fmt.Sprintf("op %d is there and must not be", n)
		}
	}
	if len(here[1]) != len(here[4]) || len(here[2]) != len(here[4]) {
		return fmt.Sprintf("%d and %d records for a chain of %d", len(here[1]), len(here[2]), len(here[4]))
	}
	if fmt.Sprint(hotNow) != fmt.Sprint(here[3]) {
		return fmt.Sprintf("hot records %v, want %v", here[3], hotNow)
	}
	return ""
}

// numbers are random but the same in every run with the same seed.
func numbers(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }
