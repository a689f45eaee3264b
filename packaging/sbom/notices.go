package sbom

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/qrsrisk/qrsd/packaging/licenses"
)

// WriteNotices writes the texts that the licenses of shipped components ask to be passed on, each text once with all it is about. A component whose
// license is not allowed, or of which no text is at hand, is an error.
func WriteNotices(w io.Writer, components []Component) error {
	var order []string
	about := map[string][]string{}
	for _, c := range components {
		if !c.Shipped {
			continue
		}
		name := c.Name + " " + c.Version
		if refused := licenses.Refused(c.License.IDs); len(refused) > 0 || len(c.License.IDs) == 0 {
			return fmt.Errorf("%s is under %q, which is not among the licenses that packaging/licenses allows", name, refused)
		}
		if len(c.License.Texts) == 0 && c.License.Expression() == "Unlicense" { // a dedication to the public that asks for nothing
			c.License.Texts = []licenses.Text{{Words: "Dedicated to the public domain by its author (SPDX Unlicense); its package has no text."}}
		}
		if len(c.License.Texts) == 0 {
			return fmt.Errorf("%s: the text of its license is not at hand; install the packages of the pages first (npm ci in web/ui)", name)
		}
		if slices.Contains(c.License.IDs, "MPL-2.0") {
			name += ", unchanged; its source is that module of that version"
		}
		for _, t := range c.License.Texts {
			words := strings.TrimSpace(strings.ReplaceAll(t.Words, "\r\n", "\n"))
			if about[words] == nil {
				order = append(order, words)
			}
			about[words] = append(about[words], name)
		}
	}
	var b strings.Builder
	b.WriteString("Parts of others in qrsd, and the texts of their licenses and notices.\nNOTICE has those of data and code that were taken over into our sources.\n")
	for _, words := range order {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("-", 80), strings.Join(slices.Compact(about[words]), "\n"), words)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
