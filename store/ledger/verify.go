package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/mod/sumdb/note"
)

// VerifyExport verifies an export from its bytes alone: the checkpoint's signature, and of each entry the leaf, the inclusion
// proof, the commitment, its order and its predecessor. It reads as a stream, on all cores.
//
// trusted are the log's public keys, known from elsewhere. Nil verifies with the keys in the export itself, and
// Report.Trusted is false: whoever made it could have made up everything.
//
// The first bad line is an *EntryError; like every finding it is ErrNotVerified. Errors of r are not.
func VerifyExport(r io.Reader, trusted note.Verifiers) (Report, error) {
	lines := bufio.NewReaderSize(r, MaxExportLine)
	first, err := readLine(lines)
	if err != nil {
		return Report{}, atLine(1, err)
	}
	check, err := newExportCheck(first, trusted)
	if err != nil {
		return Report{}, err
	}
	v := &exportVerifier{check: check, lines: lines, read: 1}
	if err := v.run(); err != nil {
		return Report{}, err
	}
	return check.report, nil
}

// batchLines is how many lines are verified at a time: enough to forget what a goroutine costs.
const batchLines = 64

// exportVerifier reads batches of lines, lets each be verified in a goroutine, and takes the results in order.
type exportVerifier struct {
	check  *exportCheck
	lines  *bufio.Reader
	read   int // lines read
	flying []*exportBatch
	spare  []*exportBatch
}

// exportBatch is some lines of the file. The verifier owns it until it starts it and from when done is received.
type exportBatch struct {
	first  int // line number of the first
	text   []byte
	ends   []int // of the lines in text
	leaves []exportLeaf
	fault  *EntryError // of line len(leaves)
	done   chan struct{}
}

// run holds back the last line of what was read, because only the end of the file shows that it is the last.
func (v *exportVerifier) run() error {
	defer v.wait()
	last, err := readLine(v.lines)
	if err != nil {
		return atLine(2, err)
	}
	held := bytes.Clone(last)
	for {
		b := v.batch()
		held, err = v.fill(b, held)
		v.start(b)
		if len(v.flying) > 2*runtime.GOMAXPROCS(0) {
			if fault := v.collect(); fault != nil {
				return fault
			}
		}
		if err != nil {
			break
		}
	}
	for len(v.flying) > 0 {
		if fault := v.collect(); fault != nil {
			return fault
		}
	}
	if !errors.Is(err, io.EOF) {
		return atLine(v.read+2, err)
	}
	if fault := v.check.last(held); fault != nil {
		fault.Line = v.read + 1
		return fault
	}
	return nil
}

// fill moves the held line and those after it into a batch, but for the new last one.
func (v *exportVerifier) fill(b *exportBatch, held []byte) ([]byte, error) {
	b.first = v.read + 1
	for len(b.ends) < batchLines {
		next, err := readLine(v.lines)
		if err != nil {
			return held, err
		}
		b.text = append(b.text, held...)
		b.ends = append(b.ends, len(b.text))
		held = append(held[:0], next...)
		v.read++
	}
	return held, nil
}

func (v *exportVerifier) batch() *exportBatch {
	if n := len(v.spare); n > 0 {
		b := v.spare[n-1]
		v.spare = v.spare[:n-1]
		b.text, b.ends, b.leaves = b.text[:0], b.ends[:0], b.leaves[:0]
		return b
	}
	return &exportBatch{done: make(chan struct{}, 1)}
}

func (v *exportVerifier) start(b *exportBatch) {
	v.flying = append(v.flying, b)
	go func() {
		b.verify(v.check)
		b.done <- struct{}{}
	}()
}

func (b *exportBatch) verify(check *exportCheck) {
	start := 0
	for _, end := range b.ends {
		var l exportLeaf
		if l, b.fault = check.leaf(b.text[start:end]); b.fault != nil {
			return
		}
		b.leaves = append(b.leaves, l)
		start = end
	}
}

// collect takes the oldest batch's results.
func (v *exportVerifier) collect() error {
	b := v.flying[0]
	<-b.done
	v.flying = v.flying[1:]
	for i, l := range b.leaves {
		if fault := v.check.follow(l); fault != nil {
			fault.Line = b.first + i
			return fault
		}
	}
	if b.fault != nil {
		b.fault.Line = b.first + len(b.leaves)
		return b.fault
	}
	v.spare = append(v.spare, b)
	return nil
}

func (v *exportVerifier) wait() {
	for _, b := range v.flying {
		<-b.done
	}
}

// readLine is the next line without its newline, valid until the next call; io.EOF only where a line would begin.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, &EntryError{Sequence: -1, Field: "line", Reason: fmt.Sprintf("is longer than %d bytes", MaxExportLine)}
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, &EntryError{Sequence: -1, Field: "line", Reason: "ends without a newline: the export is cut off"}
	}
	return nil, err
}

// atLine gives an error of readLine its line.
func atLine(n int, err error) error {
	var fault *EntryError
	if errors.As(err, &fault) {
		fault.Line = n
		return fault
	}
	if errors.Is(err, io.EOF) {
		return &EntryError{Line: n, Sequence: -1, Field: "line", Reason: "is missing: the export is cut off"}
	}
	return fmt.Errorf("reading line %d of the export: %w", n, err)
}
