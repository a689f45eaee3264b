package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/qrsrisk/qrsd/web"
)

// memberClass is what becomes of a member of a log line.
type memberClass struct {
	pattern *regexp.Regexp // the value is shown where it matches
	text    bool           // its known words are shown
	stack   bool           // its functions and lines are shown
	number  string         // it is replaced by this word and a number, the same for the same value
	oneOf   func() map[string]bool
}

func exactly(pattern string) memberClass {
	return memberClass{pattern: regexp.MustCompile("^(?:" + pattern + ")$")}
}

var (
	freeText = memberClass{text: true}
	never    = memberClass{}
	counts   = exactly(`[0-9]{1,6}`) // a longer number may be somebody's
	flags    = exactly(`true|false`)
	spans    = exactly(`([0-9.]{1,12}(h|m|s|ms|µs|ns)){1,3}`)
	requests = exactly(`[0-9a-f]{16}|[0-9a-f]{32}`)
	moments  = exactly(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}(Z|[+-][0-9]{2}:?[0-9]{2})`)
)

// logMembers classifies every member that a line of the daemon's log can have; TestLogMembers finds those in the sources. A member
// without a class is withheld.
var logMembers = map[string]memberClass{
	"@level": exactly(`trace|debug|info|warn|error`), "@module": exactly(`qrsd(\.[a-z]{1,20}){0,3}`), "@timestamp": moments, "@message": freeText,

	"request_id": requests, "request": requests, "method": exactly(`[A-Z]{3,7}`), "operation": {oneOf: operations}, "status": exactly(`[1-5][0-9]{2}`),
	"milliseconds": counts, "took": spans, "for": spans, "again_in": spans, "pause": spans,
	"error": freeText, "reason": freeText, "why": freeText, "what": freeText, "panic": freeText, "stack": {stack: true},
	"mode": exactly(`air-gapped|hybrid|connected`), "store": exactly(`locked|unlocked`), "version": exactly(`[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[a-z]{1,8})?`),
	"self_signed": flags, "in_order": flags, "ends": moments, "days": counts, "log_level": exactly(`trace|debug|info|warn|error`),
	"unlocked_by": exactly(`key-file|passphrase|recovery|aws-kms|pkcs11`), "by": exactly(`key-file|passphrase|recovery|aws-kms|pkcs11`),
	"claims": counts, "kept_blocks": counts, "block": counts, "may_open": counts, "needs": counts, "connections": counts, "attempt": counts, "attempts": counts,
	"outcome": exactly(`done|failed|passed`), "form": exactly(`quick|full`), "rpo_seconds": counts, "rto_seconds": counts, "backup": {number: "backup"},
	"keys": freeText, "task": exactly(`runs|sign-in-check|webhooks|backups|mail`), "check": freeText, "state": freeText, "purpose": exactly(`circuits|keys|e-mail|webhooks|backups|traces|errors`), "event": freeText, "kind": freeText,
	"run": {number: "run"}, "tenant": {number: "tenant"}, "webhook": {number: "webhook"}, "delivery": {number: "delivery"}, "notice": {number: "notice"},

	"address": never, "url": never, "path": never, "set_up_code": never, "sha256": never, "host": never, "place": never, "name": never, "sent_bytes": exactly(`[0-9]{1,15}`), "blobs": counts,
}

// operations are the names of what the API can do.
var operations = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{"none": true}
	for _, r := range web.Routes() {
		all[r.Operation] = true
	}
	return all
})

// logLines redacts lines of the log: those of JSON, member by member; a line that is none is withheld whole.
type logLines struct {
	numbers  map[string]string // of ids, by word and id
	count    map[string]int    // of ids, by word
	withheld int
}

func redactLog(text []byte) (out []byte, withheldPlaces int) {
	l := &logLines{numbers: map[string]string{}, count: map[string]int{}}
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		b.Write(l.line(line))
		b.WriteByte('\n')
	}
	return b.Bytes(), l.withheld
}

func (l *logLines) line(line []byte) []byte {
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		l.withheld++
		return []byte(`{"@message":"` + withheld + `"}`)
	}
	out := map[string]any{}
	for name, value := range members {
		class, known := logMembers[name]
		if !known { // the name may itself be somebody's
			name = withheld
		}
		out[name] = l.value(class, value)
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic("bundle: a line of the log: " + err.Error()) // it was JSON
	}
	return text
}

// value is what is shown of a member.
func (l *logLines) value(class memberClass, value any) any {
	text := fmt.Sprint(value)
	switch {
	case class.pattern != nil && class.pattern.MatchString(text), class.oneOf != nil && class.oneOf()[text]:
		return value
	case class.text:
		kept, n := words(text, false)
		l.withheld += n
		return kept
	case class.stack:
		kept, n := stack(text)
		l.withheld += n
		return kept
	case class.number != "":
		return l.numbered(class.number, text)
	}
	l.withheld++
	return withheld
}

// Member is what a member of a log line is outside of the appliance, where a bundle shows its value as it is: one of a closed form, such as a
// request's id. False: it is withheld, is numbered, or is free text, for which there is Words.
func Member(name string, value any) (text string, ok bool) {
	class, text := logMembers[name], fmt.Sprint(value)
	if class.pattern != nil && class.pattern.MatchString(text) || class.oneOf != nil && class.oneOf()[text] {
		return text, true
	}
	return "", false
}

// numbered replaces an id, so that lines of the same one are known to belong together.
func (l *logLines) numbered(word, id string) string {
	key := word + " " + id
	if l.numbers[key] == "" {
		l.count[word]++
		l.numbers[key] = word + " " + strconv.Itoa(l.count[word])
	}
	l.withheld++
	return l.numbers[key]
}

var (
	calledLine = regexp.MustCompile(`^(?:created by )?([\w./*()\[\]{}-]+?)(\([^()]*\))?( in goroutine [0-9]+)?$`)
	sourceLine = regexp.MustCompile(`^\s+\S*?([\w.-]+\.go:[0-9]+)( \+0x[0-9a-f]+)?$`)
	goroutine  = regexp.MustCompile(`^goroutine [0-9]+ \[[a-z, 0-9()]+\]:$`)
)

// stack keeps functions, files without their folders, and lines of a stack; arguments and everything else go.
func stack(text string) (kept string, count int) {
	var out []string
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		source := sourceLine.FindStringSubmatch(line)
		called := calledLine.FindStringSubmatch(line)
		switch {
		case source != nil:
			out = append(out, "\t"+source[1])
		case goroutine.MatchString(line), line == "":
			out = append(out, line)
		case called != nil && i+1 < len(lines) && sourceLine.MatchString(lines[i+1]):
			out = append(out, called[1])
		default:
			count++
			out = append(out, withheld)
		}
	}
	return strings.Join(out, "\n"), count
}

// profileFolder is the folder of a source file in a profile's text.
var profileFolder = regexp.MustCompile(`(\t|\s)/\S*/([\w.@-]+\.go:[0-9]+)`)

// redactProfile takes the folders of source files out of a profile's text: where a program was built is nobody's business. Functions,
// addresses and counts stay; there are no contents of memory in it.
func redactProfile(text []byte) []byte { return profileFolder.ReplaceAll(text, []byte("$1$2")) }
