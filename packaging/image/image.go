// Package image writes a container image as an OCI image layout in one tar file, without a daemon and without a base image.
//
// What is in the image is what it is given, in one layer; who owns it and when it was written is part of that, so the same files give the same
// bytes. It runs nothing and fetches nothing. Begin with Write.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Image is what Write writes.
type Image struct {
	Name         string // with tag: "qrsd:1.2.3"
	Architecture string // as Go names it: "amd64"
	Time         time.Time
	Files        []File
	Config       Config
	Labels       map[string]string
}

// File is a file or, with a name that ends in "/", a folder. Folders above it are made, owned by root, mode 0755.
type File struct {
	Name    string // absolute
	Mode    int64
	UID     int // and GID
	Content []byte
}

// Config says how the image is run.
type Config struct {
	User       string              `json:"User"`
	Ports      map[string]struct{} `json:"ExposedPorts,omitempty"`
	Env        []string            `json:"Env,omitempty"`
	Entrypoint []string            `json:"Entrypoint"`
	Cmd        []string            `json:"Cmd,omitempty"`
	Volumes    map[string]struct{} `json:"Volumes,omitempty"`
	WorkingDir string              `json:"WorkingDir,omitempty"`
	Labels     map[string]string   `json:"Labels,omitempty"`
	StopSignal string              `json:"StopSignal,omitempty"`
}

const (
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
	configType   = "application/vnd.oci.image.config.v1+json"
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type configuration struct {
	Created      string  `json:"created"`
	Architecture string  `json:"architecture"`
	OS           string  `json:"os"`
	Config       Config  `json:"config"`
	RootFS       rootFS  `json:"rootfs"`
	History      []event `json:"history"`
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type event struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

// Write writes the layout.
func Write(w io.Writer, m Image) error {
	layer, err := tarOf(m.Files, m.Time)
	if err != nil {
		return fmt.Errorf("writing the layer: %w", err)
	}
	packed, err := compressed(layer)
	if err != nil {
		return fmt.Errorf("compressing the layer: %w", err)
	}
	created := m.Time.UTC().Format(time.RFC3339)
	m.Config.Labels = m.Labels
	config, err := json.Marshal(configuration{
		Created: created, Architecture: m.Architecture, OS: "linux", Config: m.Config,
		RootFS: rootFS{"layers", []string{digest(layer)}}, History: []event{{created, "qrsd make package"}},
	})
	if err != nil {
		return err
	}
	list, err := json.Marshal(manifest{2, manifestType, described(configType, config), []descriptor{described(layerType, packed)}, m.Labels})
	if err != nil {
		return err
	}
	entry := described(manifestType, list)
	entry.Platform = &platform{m.Architecture, "linux"}
	_, tag, _ := strings.Cut(m.Name, ":")
	entry.Annotations = map[string]string{"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": "docker.io/library/" + m.Name}
	table, err := json.Marshal(index{2, indexType, []descriptor{entry}})
	if err != nil {
		return err
	}
	layout, err := tarOf([]File{
		{Name: "/oci-layout", Mode: 0o644, Content: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{Name: "/index.json", Mode: 0o644, Content: table},
		blob(config), blob(list), blob(packed),
	}, m.Time)
	if err == nil {
		_, err = w.Write(layout)
	}
	return err
}

func blob(content []byte) File {
	return File{Name: "/blobs/" + strings.Replace(digest(content), ":", "/", 1), Mode: 0o644, Content: content}
}

func described(mediaType string, content []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: digest(content), Size: len(content)}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func compressed(content []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression) // its header has neither name nor time
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(content); err != nil {
		return nil, err
	}
	err = z.Close() // writes the rest, and so before the bytes are taken
	return b.Bytes(), err
}

// tarOf writes files in the order of their names, after the folders above them.
func tarOf(files []File, at time.Time) ([]byte, error) {
	all := slices.Clone(files)
	named := map[string]bool{}
	for _, f := range files {
		if named[f.Name] {
			return nil, fmt.Errorf("%s is there twice", f.Name)
		}
		named[f.Name] = true
	}
	for _, f := range files {
		for dir := path.Dir(strings.TrimSuffix(f.Name, "/")); dir != "/"; dir = path.Dir(dir) {
			if !named[dir+"/"] {
				named[dir+"/"] = true
				all = append(all, File{Name: dir + "/", Mode: 0o755})
			}
		}
	}
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range all {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.Name, "/"), Mode: f.Mode, Uid: f.UID, Gid: f.UID, Size: int64(len(f.Content)), ModTime: at.UTC(), Format: tar.FormatUSTAR}
		if strings.HasSuffix(f.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
