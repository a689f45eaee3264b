package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Product is what the components are parts of.
type Product struct {
	Name    string
	Version string
	Commit  string    // 40 hexadecimal digits
	Time    time.Time // of the commit: the same release has the same document
	Files   []File    // of the release that the document is about
}

// File is a file with its SHA-256 in hexadecimal.
type File struct{ Name, SHA256 string }

type document struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []entry      `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string `json:"timestamp"`
	Component entry  `json:"component"`
}

type entry struct {
	Type       string          `json:"type"`
	Ref        string          `json:"bom-ref"`
	Name       string          `json:"name"`
	Version    string          `json:"version,omitempty"`
	Scope      string          `json:"scope,omitempty"`
	Hashes     []hash          `json:"hashes,omitempty"`
	Licenses   []licenseChoice `json:"licenses,omitempty"`
	PURL       string          `json:"purl,omitempty"`
	Components []entry         `json:"components,omitempty"`
	Properties []property      `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

// licenseChoice is either one license of the list of SPDX, or an expression.
type licenseChoice struct {
	License    *licenseID `json:"license,omitempty"`
	Expression string     `json:"expression,omitempty"`
}

type licenseID struct {
	ID string `json:"id"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// WriteCycloneDX writes the document, version 1.6, JSON. The same product and components give the same bytes.
func WriteCycloneDX(w io.Writer, p Product, components []Component) error {
	product := entry{Type: "application", Ref: "qrsd", Name: p.Name, Version: p.Version, PURL: "pkg:golang/github.com/qrsrisk/qrsd@" + p.Version,
		Licenses: licensesOf([]string{"Apache-2.0"}), Properties: []property{{"qrsd:commit", p.Commit}}}
	for _, f := range p.Files {
		product.Components = append(product.Components, entry{Type: "file", Ref: "file:" + f.Name, Name: f.Name, Hashes: []hash{{"SHA-256", f.SHA256}}})
	}
	d := document{Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Components: []entry{},
		Metadata: metadata{Timestamp: p.Time.UTC().Format(time.RFC3339), Component: product}}
	parts := dependency{Ref: product.Ref}
	for _, c := range components {
		e := entryOf(c)
		d.Components = append(d.Components, e)
		d.Dependencies = append(d.Dependencies, dependency{Ref: e.Ref})
		if c.Shipped {
			parts.DependsOn = append(parts.DependsOn, e.Ref)
		}
	}
	d.Dependencies = append([]dependency{parts}, d.Dependencies...)
	bare, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("writing the bill of materials: %w", err)
	}
	d.Serial = serial(bare)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(d)
}

func entryOf(c Component) entry {
	purl := "pkg:" + c.Kind + "/" + strings.ReplaceAll(c.Name, "@", "%40") + "@" + strings.ReplaceAll(c.Version, "+", "%2B")
	e := entry{Type: "library", Ref: purl, Name: c.Name, Version: c.Version, PURL: purl, Scope: "required", Licenses: licensesOf(c.License.IDs)}
	if !c.Shipped {
		e.Scope = "excluded"
	}
	if c.SHA512 != "" {
		e.Hashes = []hash{{"SHA-512", c.SHA512}}
	}
	if c.Sum != "" { // a digest of names and contents, not of a file, and so none of the hashes
		e.Properties = []property{{"qrsd:go.sum", c.Sum}}
	}
	return e
}

func licensesOf(ids []string) (list []licenseChoice) {
	if len(ids) == 1 && !strings.Contains(ids[0], " ") {
		return []licenseChoice{{License: &licenseID{ids[0]}}}
	}
	if len(ids) > 0 {
		return []licenseChoice{{Expression: strings.Join(ids, " AND ")}}
	}
	return nil
}

// serial is a UUID of version 8 (RFC 9562) from a digest.
func serial(content []byte) string {
	sum := sha256.Sum256(content)
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	x := hex.EncodeToString(sum[:16])
	return "urn:uuid:" + strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
}
