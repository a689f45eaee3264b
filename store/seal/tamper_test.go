package seal_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qrsrisk/qrsd/internal/canonical"
	"github.com/qrsrisk/qrsd/store/ledger"
	"github.com/qrsrisk/qrsd/store/seal"
	"github.com/qrsrisk/qrsd/store/seal/sealtest"
)

// TestEveryField changes every value of the signed statement, one at a time, and signs nothing anew: the signature is where it is found.
func TestEveryField(t *testing.T) {
	a := sealtest.New(1)
	text := sealed(t, a, sample(0))
	payload := seal.Payload(text)
	changed := 0
	eachChange(t, payload, func(path string, other []byte) {
		changed++
		forged := withPayload(text, payload, other)
		if bytes.Equal(forged, text) {
			t.Fatalf("%s: not changed", path)
		}
		v := seal.Verify(forged, a.Keys(), files())
		if v.Statement != nil {
			t.Errorf("%s: a statement is handed out that nobody signed", path)
		}
		wantFailure(t, v.Checks, "signature", "one of the two was changed")
	})
	if changed < 60 {
		t.Errorf("%d values changed, want every one", changed)
	}
}

func withPayload(text, payload, other []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString
	return bytes.Replace(text, []byte(b64(payload)), []byte(b64(other)), 1)
}

// eachChange calls back with the canonical text in which one value is another of the same type.
func eachChange(t *testing.T, text []byte, fn func(path string, other []byte)) {
	t.Helper()
	var root any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	emit := func(path string) {
		out, err := canonical.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		fn(path, out)
	}
	var walk func(path string, value any, set func(any))
	walk = func(path string, value any, set func(any)) {
		switch v := value.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(path+"/"+k, v[k], func(x any) { v[k] = x })
			}
		case []any:
			for i := range v {
				walk(fmt.Sprint(path, "/", i), v[i], func(x any) { v[i] = x })
			}
		default:
			set(another(v))
			emit(path)
			set(v)
		}
	}
	walk("", root, func(x any) { root = x })
}

// another is a value of the same type.
func another(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return "x"
		}
		last := byte('0')
		if v[len(v)-1] == '0' {
			last = '1'
		}
		return v[:len(v)-1] + string(last)
	case json.Number:
		n, _ := v.Float64()
		return n + 1
	case bool:
		return !v
	}
	return "null"
}

// TestEveryByte flips one bit of every byte of a seal: none verifies.
func TestEveryByte(t *testing.T) {
	a := sealtest.New(1)
	text := sealed(t, a, sample(0))
	keys := a.Keys()
	for i := range text {
		other := bytes.Clone(text)
		other[i] ^= 1
		if v := seal.Verify(other, keys, nil); v.OK() || v.Statement != nil {
			t.Fatalf("byte %d from %q to %q: it verifies", i, text[i], other[i])
		}
	}
	for i := range text {
		wantFailure(t, seal.Verify(text[:i], keys, nil).Checks, "envelope", "")
	}
	for _, more := range []string{"\n", " ", "{}", "\x00"} {
		wantFailure(t, seal.Verify(append(bytes.Clone(text), more...), keys, nil).Checks, "envelope", "more than one value")
	}
}

// TestEnvelope: the other parts of the envelope.
func TestEnvelope(t *testing.T) {
	a := sealtest.New(1)
	text := string(sealed(t, a, sample(0)))
	id := a.SealKey().ID
	for name, c := range map[string]struct{ text, step, words string }{
		"empty":         {"", "envelope", "ends within a value"},
		"no object":     {"[]", "envelope", "no DSSE envelope"},
		"null":          {"null", "envelope", "not in its exact form"},
		"other type":    {strings.Replace(text, "in-toto+json", "in-toto+jsoo", 1), "envelope", "payload of type"},
		"member more":   {strings.Replace(text, `{"payload"`, `{"a":1,"payload"`, 1), "envelope", "unknown field"},
		"other case":    {strings.Replace(text, `{"payload"`, `{"PAYLOAD"`, 1), "envelope", "exact form"},
		"name twice":    {strings.Replace(text, `{"payload"`, `{"payload":"","payload"`, 1), "envelope", "twice"},
		"space":         {strings.Replace(text, `{"payload"`, `{ "payload"`, 1), "envelope", "canonical JSON"},
		"no signature":  {text[:strings.Index(text, `"signatures"`)] + `"signatures":[]}`, "envelope", "0 signatures"},
		"key twice":     {strings.Replace(text, `"signatures":[`, `"signatures":[{"keyid":"`+id+`","sig":""},`, 1), "envelope", "each key signs once"},
		"two keys":      {strings.Replace(text, `"signatures":[`, `"signatures":[{"keyid":"x","sig":""},`, 1), "envelope", "a run seal has one"},
		"other key":     {strings.Replace(text, id, a.LaboratoryKey().ID, 1), "signing key", "known as a laboratory key"},
		"unknown key":   {strings.Replace(text, id, strings.Repeat("0", 64), 1), "signing key", "the key is unknown"},
		"empty sig":     {text[:strings.Index(text, `"sig":`)] + `"sig":""}]}`, "signature", "not ASN.1 DER"},
		"deep":          {strings.Repeat(`{"a":`, 100_000), "envelope", "within one another"},
		"deep array":    {strings.Repeat(`[`, 100_000), "envelope", "within one another"},
		"very long":     {strings.Repeat(" ", seal.MaxSeal+1), "envelope", "more than"},
		"no base64":     {strings.Replace(text, `{"payload":"`, `{"payload":"*`, 1), "envelope", "no DSSE envelope"},
		"not UTF-8":     {strings.Replace(text, `{"payload"`, "{\"payl\xffoad\"", 1), "envelope", "UTF-8"},
		"half in CR LF": {strings.Replace(text, `,"signatures"`, ",\r\n\"signatures\"", 1), "envelope", "canonical JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.text == text {
				t.Fatal("not changed")
			}
			wantFailure(t, seal.Verify([]byte(c.text), a.Keys(), nil).Checks, c.step, c.words)
		})
	}
}

// TestLies: statements that a dishonest appliance signs with its right key, each found at the step that it contradicts.
func TestLies(t *testing.T) {
	a := sealtest.New(1)
	other := sealtest.New(40)
	for name, c := range map[string]struct {
		change      func(p *seal.Predicate)
		step, words string
	}{
		"seed":             {func(p *seal.Predicate) { p.Seed++ }, "seed", "not the spec's"},
		"spec":             {func(p *seal.Predicate) { p.Spec = json.RawMessage(`{"seed":41}`) }, "spec", "not the one with this digest"},
		"spec's digest":    {func(p *seal.Predicate) { p.SpecDigest[0]++ }, "spec", "not the one with this digest"},
		"table":            {func(p *seal.Predicate) { p.Tables["aal"] = digest("better") }, "tables in the ledger", "table/aal.csv: the ledger has"},
		"table more":       {func(p *seal.Predicate) { p.Tables["new"] = digest("new") }, "tables in the ledger", "table new is not in the ledger"},
		"table less":       {func(p *seal.Predicate) { delete(p.Tables, "aal") }, "tables in the ledger", "the seal none"},
		"estimate":         {func(p *seal.Predicate) { p.Estimate.Digest[0]++ }, "estimate", "not that of the estimate"},
		"estimate's file":  {func(p *seal.Predicate) { p.Estimate.File = "x" }, "estimate", "not among the subjects"},
		"run":              {func(p *seal.Predicate) { p.Run[0]++ }, "entry's run", "of another run"},
		"older than entry": {func(p *seal.Predicate) { p.Time = a.Time.Add(-time.Hour) }, "entry's time", "younger"},
		"older than head":  {func(p *seal.Predicate) { p.Time = a.Time.Add(time.Second / 2) }, "times", "younger"},
		"entry":            {func(p *seal.Predicate) { p.Ledger.Entry = rewritten(p, "note", "fine") }, "commitment", "another entry or salt"},
		"entry no record":  {func(p *seal.Predicate) { p.Ledger.Entry = json.RawMessage(`{}`) }, "ledger entry", "version"},
		"entry's kind":     {func(p *seal.Predicate) { p.Ledger.Entry = rewritten(p, "kind", "seal") }, "entry's kind", "not of a run's output"},
		"salt":             {func(p *seal.Predicate) { p.Ledger.Salt[0]++ }, "commitment", "another entry or salt"},
		"salt's length":    {func(p *seal.Predicate) { p.Ledger.Salt = p.Ledger.Salt[1:] }, "leaf header", "it has 16"},
		"header":           {func(p *seal.Predicate) { p.Ledger.Header[30]++ }, "leaf", "not those of the leaf"},
		"header's version": {func(p *seal.Predicate) { p.Ledger.Header[0]++ }, "leaf header", "version"},
		"header's place":   {func(p *seal.Predicate) { p.Ledger.Header[24]++ }, "leaf", "not those of the leaf"},
		"box":              {func(p *seal.Predicate) { p.Ledger.Box[0]++ }, "leaf", "not those of the leaf"},
		"leaf":             {func(p *seal.Predicate) { p.Ledger.Leaf[0]++ }, "leaf", "not those of the leaf"},
		"index":            {func(p *seal.Predicate) { p.Ledger.Index++ }, "leaf index", "another place"},
		"index negative":   {func(p *seal.Predicate) { p.Ledger.Index = -1 }, "leaf index", "another place"},
		"size":             {func(p *seal.Predicate) { p.Ledger.Size = 40 }, "inclusion proof", "not in the tree"},
		"size huge":        {func(p *seal.Predicate) { p.Ledger.Size = 1 << 53 }, "inclusion proof", "not in the tree"},
		"root":             {func(p *seal.Predicate) { p.Ledger.Root[0]++ }, "inclusion proof", "not in the tree"},
		"proof":            {func(p *seal.Predicate) { p.Ledger.Proof[1][0]++ }, "inclusion proof", "not in the tree"},
		"proof reordered":  {func(p *seal.Predicate) { slices.Reverse(p.Ledger.Proof) }, "inclusion proof", "not in the tree"},
		"proof cut":        {func(p *seal.Predicate) { p.Ledger.Proof = p.Ledger.Proof[1:] }, "inclusion proof", "not in the tree"},
		"checkpoint":       {func(p *seal.Predicate) { p.Ledger.Checkpoint = "x" }, "checkpoint", "without a first line"},
		"checkpoint's size": {func(p *seal.Predicate) {
			p.Ledger.Checkpoint = strings.Replace(p.Ledger.Checkpoint, "\n11\n", "\n12\n", 1)
		}, "checkpoint", "not verified"},
		"another tree": {func(p *seal.Predicate) { p.Ledger.Checkpoint = head(a, a.Origin, 12, p.Ledger.Root) }, "checkpoint's size", "another tree"},
		"another root": {func(p *seal.Predicate) { p.Ledger.Checkpoint = head(a, a.Origin, 11, ledger.Hash{1}) }, "checkpoint's root", "another tree"},
		"another log":  {func(p *seal.Predicate) { p.Ledger.Checkpoint = head(a, other.Origin, 11, p.Ledger.Root) }, "checkpoint's log", "another log"},
		"another appliance": {func(p *seal.Predicate) {
			p.Ledger.Checkpoint = head(other, a.Origin, 11, p.Ledger.Root)
		}, "checkpoint", "none of which is a known key"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sample(0)
			if err := a.Enter(&s, 5, 11); err != nil {
				t.Fatal(err)
			}
			text, err := seal.Sign(t.Context(), s, a.Signer)
			if err != nil {
				t.Fatal(err)
			}
			wantFailure(t, seal.Verify(lie(t, a, text, c.change), a.Keys(), files()).Checks, c.step, c.words)
		})
	}
}

// lie changes a signed predicate and signs it with the right key.
func lie(t *testing.T, a *sealtest.Appliance, text []byte, change func(*seal.Predicate)) []byte {
	t.Helper()
	var document struct {
		Type          string          `json:"_type"`
		Predicate     seal.Predicate  `json:"predicate"`
		PredicateType string          `json:"predicateType"`
		Subject       json.RawMessage `json:"subject"`
	}
	if err := json.Unmarshal(seal.Payload(text), &document); err != nil {
		t.Fatal(err)
	}
	change(&document.Predicate)
	payload, err := canonical.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return seal.SignPayload(payload, a.Signer)
}

// rewritten is the entry with one member changed.
func rewritten(p *seal.Predicate, member, value string) json.RawMessage {
	var entry map[string]any
	if err := json.Unmarshal(p.Ledger.Entry, &entry); err != nil {
		panic(err)
	}
	entry[member] = value
	text, err := canonical.Marshal(entry)
	if err != nil {
		panic(err)
	}
	return text
}

func head(a *sealtest.Appliance, origin string, size int64, root ledger.Hash) string {
	signed, err := a.SignCheckpoint(ledger.Checkpoint{Origin: origin, Size: size, Root: root, Time: a.Time})
	if err != nil {
		panic(err)
	}
	return string(signed)
}

// TestStatementForm: payloads that are signed with the right key and are no statement of ours.
func TestStatementForm(t *testing.T) {
	a := sealtest.New(1)
	payload := string(seal.Payload(sealed(t, a, sample(0))))
	for name, c := range map[string]struct{ payload, words string }{
		"no JSON":          {"hello", "canonical JSON"},
		"other statement":  {strings.Replace(payload, "Statement/v1", "Statement/v9", 1), "statement of type"},
		"other predicate":  {strings.Replace(payload, "run-seal/v1", "run-seal/v2", 1), "predicate of type"},
		"meta-seal":        {strings.Replace(payload, seal.PredicateType, seal.MetaPredicateType, 1), "predicate of type"},
		"member more":      {strings.Replace(payload, `"build":{`, `"build":{"a":1,`, 1), "unknown field"},
		"member less":      {strings.Replace(payload, `"qubits":8,`, "", 1), "exact form"},
		"other case":       {strings.Replace(payload, `"qubits":8,`, `"qubitS":8,`, 1), "exact form"},
		"upper-case digit": {strings.Replace(payload, digest("model").String(), strings.ToUpper(digest("model").String()), 1), "hexadecimal"},
		"time with offset": {strings.Replace(payload, `12:00:02Z"`, `14:00:02+02:00"`, 1), "UTC"},
		"space":            {" " + payload, "canonical JSON"},
		"negative seed":    {strings.Replace(payload, `"seed":"41"`, `"seed":"-41"`, 1), "seed"},
		"loose seed":       {strings.Replace(payload, `"seed":"41"`, `"seed":"041"`, 1), ""},
		"folder":           {strings.Replace(payload, `"name":"aal.csv"`, `"name":"a/aal.csv"`, 1), "without folders"},
		"two of a name":    {strings.Replace(payload, `"name":"ept.csv"`, `"name":"aal.csv"`, 1), "different names"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.payload == payload {
				t.Fatal("not changed")
			}
			wantFailure(t, seal.Verify(seal.SignPayload([]byte(c.payload), a.Signer), a.Keys(), nil).Checks, "statement", c.words)
		})
	}
}

// TestMalleability: of the two signatures that verify for one statement only the one with the smaller s counts, and only in DER.
func TestMalleability(t *testing.T) {
	a := sealtest.New(1)
	text := sealed(t, a, sample(0))
	var e struct {
		Signatures []struct{ Sig []byte }
	}
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	der := e.Signatures[0].Sig
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &v); err != nil {
		t.Fatal(err)
	}
	order := elliptic.P256().Params().N
	v.S = new(big.Int).Sub(order, v.S)
	high, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	sum := digest(string(seal.PAE(seal.PayloadType, seal.Payload(text))))
	if !ecdsa.VerifyASN1(a.Signer.Public(), sum[:], high) {
		t.Fatal("the other signature does not verify at all: the test shows nothing")
	}
	b64 := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		sig   []byte
		words string
	}{
		"larger s": {high, "larger of the two"}, "tail": {append(bytes.Clone(der), 0), "DER"}, "long": {bytes.Repeat([]byte{0x30}, 100), "at most 72"},
		"zero": {[]byte{0x30, 6, 2, 1, 0, 2, 1, 1}, "out of range"}, "one": {[]byte{0x30, 6, 2, 1, 1, 2, 1, 1}, "not of this key"},
		"long length": {append([]byte{0x30, 0x81, der[1]}, der[2:]...), "DER"},
	} {
		forged := bytes.Replace(text, []byte(b64(der)), []byte(b64(c.sig)), 1)
		t.Run(name, func(t *testing.T) {
			wantFailure(t, seal.Verify(forged, a.Keys(), nil).Checks, "signature", c.words)
		})
	}
	// A device may return either: what is written is the smaller.
	s := sample(0)
	if err := a.Enter(&s, 5, 11); err != nil {
		t.Fatal(err)
	}
	again, err := seal.Sign(t.Context(), s, broken{a.Signer, high})
	if err != nil || !bytes.Equal(again, text) {
		t.Errorf("a signer with the larger s: %v, another seal", err)
	}
}

// TestFiles: changed, swapped, foreign and missing files.
func TestFiles(t *testing.T) {
	a := sealtest.New(1)
	text := sealed(t, a, sample(0))
	for name := range contents {
		changed := []seal.File{{Name: name, Digest: digest(contents[name] + " ")}}
		wantFailure(t, seal.Verify(text, a.Keys(), changed).Checks, "file "+name, "not what was sealed")
	}
	swap := []seal.File{{Name: "aal.csv", Digest: digest(contents["ept.csv"])}, {Name: "ept.csv", Digest: digest(contents["aal.csv"])}}
	wantFailure(t, seal.Verify(text, a.Keys(), swap).Checks, "file aal.csv", "not what was sealed")
	wantFailure(t, seal.Verify(text, a.Keys(), []seal.File{{Name: "x.csv"}}).Checks, "file x.csv", "no file with this name")
	wantOK(t, seal.Verify(text, a.Keys(), files()[:2]).Checks)
	_, checks := seal.Unsigned(text, swap)
	wantFailure(t, checks, "file aal.csv", "not what was sealed")
}
