package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed templates
var templates embed.FS

//go:embed static
var static embed.FS

// AssetRoot is the path below which files of the pages are served.
const AssetRoot = "/static/"

// Asset is a file that pages refer to. Its path holds a digest of its bytes, so that it may be kept for ever.
type Asset struct {
	Path string // as in /static/1a2b3c4d5e6f/page.css
	Type string // of media
	Data []byte // not to be changed
}

// Page is one of the pages of this package.
type Page interface {
	frame() Frame
	template() string // the name of what defines its content
}

// Site is the layout, all pages and their assets. It is safe for many goroutines.
type Site struct {
	all    *template.Template
	fresh  *template.Template // the same, never executed: only such can be cloned
	byName map[string]Asset   // by file name
	byPath map[string]Asset
}

// New reads what is embedded. An error is a fault of this build.
func New() (*Site, error) {
	s := &Site{byName: map[string]Asset{}, byPath: map[string]Asset{}}
	if err := s.addAssets(); err != nil {
		return nil, err
	}
	all, err := template.New("").Funcs(s.funcs()).ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	if s.fresh, err = all.Clone(); err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	s.all = all
	return s, nil
}

// addAssets names each static file by its bytes. Styles come last: they name others by their paths.
func (s *Site) addAssets() error {
	files, err := fs.ReadDir(static, "static")
	if err != nil {
		return fmt.Errorf("read the pages' files: %w", err)
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
	isStyle := func(file fs.DirEntry) bool { return path.Ext(file.Name()) == ".css" }
	slices.SortStableFunc(files, func(a, b fs.DirEntry) int {
		switch {
		case isStyle(a) == isStyle(b):
			return 0
		case isStyle(a):
			return 1
		}
		return -1
	})
	for _, file := range files {
		data, err := fs.ReadFile(static, "static/"+file.Name())
		if err != nil {
			return fmt.Errorf("read the pages' files: %w", err)
		}
		media, known := types[path.Ext(file.Name())]
		if !known {
			return fmt.Errorf("the pages' file %s is of no known type", file.Name())
		}
		if isStyle(file) {
			data = s.withPaths(data)
		}
		digest := sha256.Sum256(data)
		asset := Asset{Path: AssetRoot + hex.EncodeToString(digest[:6]) + "/" + file.Name(), Type: media, Data: data}
		s.byName[file.Name()], s.byPath[asset.Path] = asset, asset
	}
	return nil
}

// withPaths is a style with the paths of the files that it names: url("plex-sans.woff2") alone would be sought below the style's own digest.
func (s *Site) withPaths(style []byte) []byte {
	for name, asset := range s.byName {
		style = bytes.ReplaceAll(style, []byte(`url("`+name+`")`), []byte(`url("`+asset.Path+`")`))
	}
	return style
}

// Asset finds a file by the path of a request.
func (s *Site) Asset(path string) (Asset, bool) {
	asset, found := s.byPath[path]
	return asset, found
}

// Render draws a page. An error is a fault of this build: the template and the page's type do not fit.
func (s *Site) Render(p Page) ([]byte, error) {
	return s.draw(s.all.Lookup(p.template()), p.template(), p.frame(), p)
}

// Template is a page with a content of its own in the layout of all.
type Template struct {
	site    *Site
	content *template.Template
}

// Parse reads a content, in which the templates of this package may be called.
func (s *Site) Parse(content string) (*Template, error) {
	all, err := s.fresh.Clone()
	if err != nil {
		return nil, fmt.Errorf("read a page's content: %w", err)
	}
	t, err := all.New("content").Parse(content)
	if err != nil {
		return nil, fmt.Errorf("read a page's content: %w", err)
	}
	return &Template{s, t}, nil
}

// Render draws the content, filled in with data, in its frame.
func (t *Template) Render(f Frame, data any) ([]byte, error) {
	return t.site.draw(t.content, f.Title, f, data)
}

// draw puts a content into the layout.
func (s *Site) draw(t *template.Template, name string, f Frame, data any) ([]byte, error) {
	if t == nil {
		return nil, fmt.Errorf("draw the page %s: it has no template", name)
	}
	var content, whole bytes.Buffer
	if err := t.Execute(&content, data); err != nil {
		return nil, fmt.Errorf("draw the page %s: %w", name, err)
	}
	in := struct {
		Frame   Frame
		Content template.HTML
	}{f, template.HTML(content.String())} // escaped by the template just now
	if err := s.all.ExecuteTemplate(&whole, "layout", in); err != nil {
		return nil, fmt.Errorf("draw the page %s: %w", name, err)
	}
	return whole.Bytes(), nil
}

// funcs are what templates may call.
func (s *Site) funcs() template.FuncMap {
	return template.FuncMap{
		"asset": func(name string) (string, error) {
			asset, found := s.byName[name]
			if !found {
				return "", fmt.Errorf("there is no file %s", name)
			}
			return asset.Path, nil
		},
		"time": Time,
		"join": strings.Join,
	}
}
