package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/qrsrisk/qrsd/packaging/sbom"
)

var programs = []string{"qrsd", "qrs-replay"}

// built are the folders of the programs: of the release, and of the machine that makes it, which print pages and completion.
type built struct{ release, here string }

// buildPrograms builds by the Makefile, which says how.
func buildPrograms(o options, stage string) (built, error) {
	b := built{release: filepath.Join(stage, "bin"), here: filepath.Join(stage, "bin")}
	if err := build(o.root, b.release, o.arch); err != nil {
		return b, err
	}
	if o.arch != runtime.GOARCH {
		b.here = filepath.Join(stage, "here")
		return b, build(o.root, b.here, runtime.GOARCH)
	}
	return b, nil
}

func build(root, folder, arch string) error {
	c := exec.Command("make", "--no-print-directory", "build", "BUILDDIR="+folder) //nolint:noctx // ends with this program
	c.Dir = root
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("building for %s: %w", arch, err)
	}
	return nil
}

// prepare puts all that goes into the packages below the folder, under the names of nfpm.yaml.
func prepare(o options, s source, b built, stage string) error {
	for _, dir := range []string{"man", "completion", "doc", "deb", "rpm"} {
		if err := os.MkdirAll(filepath.Join(stage, dir), 0o755); err != nil {
			return err
		}
	}
	for _, step := range []func() error{
		func() error { return writeManuals(b, stage) },
		func() error { return writeCompletions(b, stage) },
		func() error { return copyFiles(o.root, stage) },
		func() error { return writeConfiguration(o.root, stage) },
		func() error { return writeBill(o, s, b, stage) },
		func() error { return setTimes(stage, s) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func writeManuals(b built, stage string) error {
	for _, name := range programs {
		page, err := output(stage, filepath.Join(b.here, name), "manual")
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(z, page); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(stage, "man", name+".1.gz"), packed.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func writeCompletions(b built, stage string) error {
	for shell, name := range map[string]string{"bash": "qrsd.bash", "zsh": "_qrsd", "fish": "qrsd.fish"} {
		text, err := output(stage, filepath.Join(b.here, "qrsd"), "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(stage, "completion", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// copyFiles copies what is written by hand.
func copyFiles(root, stage string) error {
	copies := map[string]string{"LICENSE": "copyright", "NOTICE": "doc/NOTICE", "CHANGELOG.md": "doc/CHANGELOG.md", "qrsd.hcl.example": "doc/qrsd.hcl.example", "packaging/README.md": "doc/install.md"}
	for _, name := range []string{"qrsd.service", "qrsd.sysusers", "qrsd.tmpfiles", "nfpm.yaml", "deb/postinst", "deb/prerm", "deb/postrm", "rpm/postinstall", "rpm/preremove", "rpm/postremove"} {
		copies["packaging/"+name] = name
	}
	guides, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return err
	}
	for _, guide := range guides {
		copies["docs/"+filepath.Base(guide)] = "doc/" + filepath.Base(guide)
	}
	for from, to := range copies {
		if err := copyFile(filepath.Join(root, from), filepath.Join(stage, to)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return os.WriteFile(to, content, 0o644)
}

// placed are the lines of qrsd.hcl.example that a package has otherwise: the folders of the service.
var placed = [][2]string{
	{`path = "data/store"`, `path = "/var/lib/qrsd/store"`},
	{`key_file = "key/store.key"`, `key_file = "/var/lib/qrsd-key/store.key"`},
	{`#anchor = "anchor/qrsd.anchor"`, `anchor = "/var/lib/qrsd-key/qrsd.anchor"`},
}

// inContainer are the further ones of an image: its port is reached from outside or not at all.
var inContainer = [][2]string{{`#listen = "127.0.0.1:8443" # default`, `listen = ":8443"`}}

// writeConfiguration makes the configurations of package and image from the example, so that they explain every key that there is.
func writeConfiguration(root, stage string) error {
	example, err := os.ReadFile(filepath.Join(root, "qrsd.hcl.example"))
	if err != nil {
		return fmt.Errorf("reading the example of the configuration: %w", err)
	}
	packaged, err := replaced(string(example), placed)
	if err != nil {
		return err
	}
	contained, err := replaced(packaged, inContainer)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(stage, "qrsd.hcl"), []byte(packaged), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(stage, "qrsd-container.hcl"), []byte(contained), 0o644)
}

// replaced exchanges lines, each of which must be there once.
func replaced(text string, lines [][2]string) (string, error) {
	for _, l := range lines {
		if n := strings.Count(text, "\n"+l[0]+"\n") + strings.Count(text, "\n  "+l[0]+"\n"); n != 1 {
			return "", fmt.Errorf("qrsd.hcl.example has the line %q %d times, want once: mend packaging/release", l[0], n)
		}
		text = strings.Replace(text, l[0]+"\n", l[1]+"\n", 1)
	}
	return text, nil
}

// writeBill writes the bill of materials and the notices.
func writeBill(o options, s source, b built, stage string) error {
	var paths []string
	p := sbom.Product{Name: "qrsd", Version: s.version, Commit: s.commit, Time: s.time}
	for _, name := range programs {
		path := filepath.Join(b.release, name)
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		paths = append(paths, path)
		p.Files = append(p.Files, sbom.File{Name: "/usr/bin/" + name, SHA256: hex.EncodeToString(sum[:])})
	}
	components, err := sbom.Programs(o.root, paths...)
	if err != nil {
		return err
	}
	if err := installPages(o.root); err != nil {
		return err
	}
	pages, err := sbom.Pages(filepath.Join(o.root, "web", "ui"))
	if err != nil {
		return err
	}
	components = append(components, pages...)
	var bill, notices bytes.Buffer
	if err := sbom.WriteCycloneDX(&bill, p, components); err != nil {
		return err
	}
	if err := sbom.WriteNotices(&notices, components); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(stage, "doc", "sbom.cdx.json"), bill.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(stage, "doc", "THIRD-PARTY-NOTICES"), notices.Bytes(), 0o644)
}

// installPages fetches the packages of the pages where they are not there yet: their licenses are in them. The pages themselves are committed as they
// were built, and nothing of what is fetched is run.
func installPages(root string) error {
	folder := filepath.Join(root, "web", "ui")
	if _, err := os.Stat(filepath.Join(folder, "package-lock.json")); os.IsNotExist(err) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err == nil {
		return nil
	}
	_, err := output(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	return err
}

// setTimes gives every file the time of the commit and the mode that the packages give it.
func setTimes(stage string, s source) error {
	return filepath.WalkDir(stage, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && filepath.Base(filepath.Dir(path)) != "bin" {
			if err := os.Chmod(path, 0o644); err != nil {
				return err
			}
		}
		return os.Chtimes(path, s.time, s.time)
	})
}

// emptied makes an empty folder. A folder with other things in it than a release is left alone.
func emptied(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, "qrsd") && !strings.HasPrefix(name, sumsFile) {
			return fmt.Errorf("%s has %s in it, which is no part of a release; name another folder", folder, name)
		}
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
			return err
		}
	}
	return os.MkdirAll(folder, 0o755)
}
