package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func sample() Image {
	return Image{
		Name: "qrsd:1.2.3", Architecture: "amd64", Time: time.Unix(1700000000, 0), Labels: map[string]string{"b": "2", "a": "1"},
		Config: Config{User: "65532:65532", Entrypoint: []string{"/usr/bin/qrsd"}},
		Files:  []File{{Name: "/usr/bin/qrsd", Mode: 0o755, Content: []byte("program")}, {Name: "/var/lib/qrsd/", Mode: 0o700, UID: 65532}},
	}
}

// entries reads a tar file.
func entries(t *testing.T, content []byte) (order []string, headers map[string]*tar.Header, contents map[string][]byte) {
	t.Helper()
	headers, contents = map[string]*tar.Header{}, map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return order, headers, contents
		} else if err != nil {
			t.Fatal(err)
		}
		order = append(order, h.Name)
		headers[h.Name] = h
		if contents[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWrite follows the layout from its index to the files of the layer: every digest and size is that of what it names.
func TestWrite(t *testing.T) {
	var first, second bytes.Buffer
	if err := Write(&first, sample()); err != nil {
		t.Fatal(err)
	}
	if err := Write(&second, sample()); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the same image has other bytes: %v", err)
	}
	_, _, files := entries(t, first.Bytes())
	if string(files["oci-layout"]) != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout: %s", files["oci-layout"])
	}
	named := func(d descriptor) []byte {
		content := files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		if digest(content) != d.Digest || len(content) != d.Size {
			t.Fatalf("%s: %d bytes with digest %s", d.Digest, len(content), digest(content))
		}
		return content
	}
	var list index
	var m manifest
	var c configuration
	for _, step := range []struct {
		content func() []byte
		into    any
	}{{func() []byte { return files["index.json"] }, &list}, {func() []byte { return named(list.Manifests[0]) }, &m}, {func() []byte { return named(m.Config) }, &c}} {
		if err := json.Unmarshal(step.content(), step.into); err != nil {
			t.Fatal(err)
		}
	}
	if list.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2.3" || c.Config.User != "65532:65532" || c.Created != "2023-11-14T22:13:20Z" || c.Architecture != "amd64" {
		t.Errorf("%+v %+v", list, c)
	}
	z, err := gzip.NewReader(bytes.NewReader(named(m.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(z)
	if err != nil || digest(layer) != c.RootFS.DiffIDs[0] {
		t.Fatalf("the layer: %v, digest %s, want %s", err, digest(layer), c.RootFS.DiffIDs[0])
	}
	order, headers, contents := entries(t, layer)
	if got := strings.Join(order, " "); got != "usr/ usr/bin/ usr/bin/qrsd var/ var/lib/ var/lib/qrsd/" {
		t.Errorf("order: %s", got)
	}
	if h := headers["var/lib/qrsd/"]; h.Mode != 0o700 || h.Uid != 65532 || h.Gid != 65532 || h.Typeflag != tar.TypeDir || !h.ModTime.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("%+v", h)
	}
	if h := headers["usr/"]; h.Mode != 0o755 || h.Uid != 0 || string(contents["usr/bin/qrsd"]) != "program" {
		t.Errorf("%+v", h)
	}
}

// TestTwice: two files of one name are a fault.
func TestTwice(t *testing.T) {
	m := sample()
	m.Files = append(m.Files, m.Files[0])
	if err := Write(io.Discard, m); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Error(err)
	}
}
