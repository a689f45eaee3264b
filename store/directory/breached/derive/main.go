// Command derive makes the embedded list of known passwords from the dictionary of zxcvbn-ts. PROVENANCE.md says which one.
//
//	npm pack @zxcvbn-ts/language-common@4.1.3 && tar xzf zxcvbn-ts-language-common-4.1.3.tgz
//	go run ./store/directory/breached/derive -passwords package/src/passwords.json
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/qrsrisk/qrsd/store/directory/breached"
)

// bits make one password in a million that nobody knows a known one: the list is small, and everybody has it.
const bits = 20

func main() {
	from := flag.String("passwords", "", "passwords.json of the package")
	out := flag.String("o", "store/directory/breached/common.filter", "file to write")
	flag.Parse()
	if err := run(*from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "derive:", err)
		os.Exit(1)
	}
}

// run writes the file, or nothing if it cannot be made.
func run(from, out string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var passwords []string
	if err := json.Unmarshal(text, &passwords); err != nil {
		return fmt.Errorf("reading %s: %w", from, err)
	}
	b, err := breached.NewBuilder(breached.Options{Bits: bits, Memory: len(passwords) + 1})
	if err != nil {
		return err
	}
	for _, p := range passwords {
		if err := b.Add(breached.HashOf(p)); err != nil {
			return err
		}
	}
	var file bytes.Buffer
	content, err := b.Write(context.Background(), &file, nil)
	if err != nil {
		return err
	}
	fmt.Printf("%d passwords, %d bytes, one in %d\n", content.Entries, content.Size, content.OneIn)
	return os.WriteFile(out, file.Bytes(), 0o644)
}
