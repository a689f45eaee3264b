package breached

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
)

// mergeMemory is what the buffers of all runs take together, within the bounds of one.
const (
	mergeMemory                = 32 << 20
	minRunBuffer, maxRunBuffer = 4 << 10, 256 << 10
)

// merge gives all keys in order: of the runs in the spill file and of the chunk, which is sorted.
func (b *Builder) merge() (*merged, error) {
	m := &merged{}
	size := max(minRunBuffer, min(maxRunBuffer, mergeMemory/(len(b.runs)+1)))
	for _, r := range b.runs {
		m.sources = append(m.sources, source{rest: bufio.NewReaderSize(io.NewSectionReader(b.spill, r.begin, r.end-r.begin), size)})
	}
	m.sources = append(m.sources, source{chunk: b.chunk})
	begun := m.sources[:0]
	for _, s := range m.sources {
		more, err := s.step()
		if err != nil {
			return nil, err
		}
		if more {
			begun = append(begun, s)
		}
	}
	m.sources = begun
	heap.Init(m)
	return m, nil
}

// source is one sorted sequence of keys, with its next one.
type source struct {
	key   uint64
	chunk []uint64
	rest  *bufio.Reader // nil: the chunk
}

// step goes to the next key; false at the end.
func (s *source) step() (bool, error) {
	if s.rest == nil {
		if len(s.chunk) == 0 {
			return false, nil
		}
		s.key, s.chunk = s.chunk[0], s.chunk[1:]
		return true, nil
	}
	next, err := s.rest.Peek(8) // in place: what is read into would be allocated for each key
	switch {
	case errors.Is(err, io.EOF) && len(next) == 0:
		return false, nil
	case err != nil:
		return false, err
	}
	s.key = binary.BigEndian.Uint64(next)
	_, err = s.rest.Discard(8)
	return true, err
}

// merged is a heap of sources, the one with the lowest key on top.
type merged struct{ sources []source }

// next gives the lowest key; false at the end.
func (m *merged) next() (uint64, bool, error) {
	if len(m.sources) == 0 {
		return 0, false, nil
	}
	key := m.sources[0].key
	more, err := m.sources[0].step()
	switch {
	case err != nil:
		return 0, false, err
	case more:
		heap.Fix(m, 0)
	default:
		heap.Pop(m)
	}
	return key, true, nil
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (m *merged) Len() int           { return len(m.sources) }
func (m *merged) Less(i, j int) bool { return m.sources[i].key < m.sources[j].key }
func (m *merged) Swap(i, j int)      { m.sources[i], m.sources[j] = m.sources[j], m.sources[i] }
func (m *merged) Push(any)           { panic("breached: a source comes late") }
func (m *merged) Pop() any {
	last := len(m.sources) - 1
	s := m.sources[last]
	m.sources = m.sources[:last]
	return s
}
