package bundle

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// withheld stands where something was taken out.
const withheld = "[withheld]"

// vocabulary is the words of the program's own messages, one a line: go test ./cmd/qrsd/internal/bundle -run TestWords -update-words reads
// them from the sources. A word that is missing is withheld.
//
//go:embed words.txt
var vocabulary string

var knownWords = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(vocabulary) {
		all[w] = true
	}
	return all
})

// aroundWords is the punctuation that sentences have beside a word.
const aroundWords = `.,;:!?()"'` + "`"

// quantity is a number as our own reports write them, a time, a date, a mode of a file or a version. Numbers are let through only where a
// tenant's data cannot be, and long ones nowhere: they would be somebody's number.
var quantity = regexp.MustCompile(`^([0-9]{1,6}(\.[0-9])?%?|[0-9]{1,6}(\.[0-9]{1,6})?(ns|µs|ms|s|m|h)|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2}Z|0[0-7]{3}|[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})$`)

// words keeps of a text the words that stand in the program's own messages, and with numbers also quantities. Everything else, names,
// addresses, paths, ids, what somebody typed, is withheld; count says how often.
func words(text string, numbers bool) (kept string, count int) {
	known := knownWords()
	fields := strings.Fields(text)
	var out []string
	for _, f := range fields {
		core := strings.Trim(f, aroundWords)
		if core == "" || known[core] || numbers && quantity.MatchString(core) {
			out = append(out, f)
			continue
		}
		count++
		if len(out) == 0 || out[len(out)-1] != withheld {
			out = append(out, withheld)
		}
	}
	return strings.Join(out, " "), count
}

// Words keeps of a text the words that stand in the program's own messages, as a bundle shows free text of the log: for whoever else tells
// somebody outside of the appliance of it.
func Words(text string) string {
	kept, _ := words(text, false)
	return kept
}
