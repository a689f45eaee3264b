package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/qrsrisk/qrsd/packaging/image"
)

// rpmArchitectures are the names that differ from Go's.
var rpmArchitectures = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// writePackages runs nfpm and returns the names of the packages.
func writePackages(o options, s source, stage string) (names []string, err error) {
	rpmArch := rpmArchitectures[o.arch]
	if rpmArch == "" {
		rpmArch = o.arch
	}
	nfpm, err := filepath.Abs(o.nfpm)
	if strings.Contains(o.nfpm, "/") && err != nil {
		return nil, err
	} else if !strings.Contains(o.nfpm, "/") {
		nfpm = o.nfpm
	}
	folder, err := filepath.Abs(o.out)
	if err != nil {
		return nil, err
	}
	for packager, name := range map[string]string{
		"deb": fmt.Sprintf("qrsd_%s-1_%s.deb", s.version, o.arch),
		"rpm": fmt.Sprintf("qrsd-%s-1.%s.rpm", s.version, rpmArch),
	} {
		c := exec.Command(nfpm, "package", "--config", "nfpm.yaml", "--packager", packager, "--target", filepath.Join(folder, name)) //nolint:noctx // ends with this program
		c.Dir = stage
		c.Env = append(os.Environ(), "ARCH="+o.arch, "VERSION="+s.version, "COMMIT="+s.commit, "SOURCE_DATE_EPOCH="+strconv.FormatInt(s.time.Unix(), 10))
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("nfpm, %s: %w: %s", packager, err, out)
		}
		names = append(names, name)
	}
	return names, nil
}

// unprivileged is the user of the image, the number that images without a distribution have for it.
const unprivileged = 65532

// writeImage writes the container image and returns its name.
func writeImage(o options, s source, stage string) (string, error) {
	authorities, err := certificates(o.roots)
	if err != nil {
		return "", err
	}
	m := image.Image{
		Name: "qrsd:" + strings.NewReplacer("~", "-", "+", "-").Replace(s.version), Architecture: o.arch, Time: s.time,
		Labels: map[string]string{
			"org.opencontainers.image.title": "qrsd", "org.opencontainers.image.vendor": "QRS Risk", "org.opencontainers.image.licenses": "Apache-2.0",
			"org.opencontainers.image.version": s.version, "org.opencontainers.image.revision": s.commit,
		},
		Config: image.Config{
			User: fmt.Sprintf("%d:%d", unprivileged, unprivileged), Entrypoint: []string{"/usr/bin/qrsd"}, Cmd: []string{"server", "--config", "/etc/qrsd/qrsd.hcl"},
			Ports: map[string]struct{}{"8443/tcp": {}}, Volumes: map[string]struct{}{"/var/lib/qrsd": {}, "/var/lib/qrsd-key": {}},
			WorkingDir: "/var/lib/qrsd", Env: []string{"PATH=/usr/bin", "HOME=/var/lib/qrsd"}, StopSignal: "SIGTERM",
		},
		Files: []image.File{
			{Name: "/etc/passwd", Mode: 0o644, Content: fmt.Appendf(nil, "root:x:0:0:root:/root:/sbin/nologin\nqrsd:x:%d:%d:qrsd:/var/lib/qrsd:/sbin/nologin\n", unprivileged, unprivileged)},
			{Name: "/etc/group", Mode: 0o644, Content: fmt.Appendf(nil, "root:x:0:\nqrsd:x:%d:\n", unprivileged)},
			{Name: "/etc/ssl/certs/ca-certificates.crt", Mode: 0o644, Content: authorities},
			{Name: "/tmp/", Mode: 0o1777}, {Name: "/var/lib/qrsd/", Mode: 0o700, UID: unprivileged}, {Name: "/var/lib/qrsd-key/", Mode: 0o700, UID: unprivileged},
		},
	}
	for from, to := range map[string]string{
		"bin/qrsd": "/usr/bin/qrsd", "bin/qrs-replay": "/usr/bin/qrs-replay", "qrsd-container.hcl": "/etc/qrsd/qrsd.hcl", "copyright": "/usr/share/doc/qrsd/copyright",
		"doc/NOTICE": "/usr/share/doc/qrsd/NOTICE", "doc/THIRD-PARTY-NOTICES": "/usr/share/doc/qrsd/THIRD-PARTY-NOTICES", "doc/sbom.cdx.json": "/usr/share/doc/qrsd/sbom.cdx.json",
	} {
		content, err := os.ReadFile(filepath.Join(stage, from))
		if err != nil {
			return "", err
		}
		mode := int64(0o644)
		if strings.HasPrefix(from, "bin/") {
			mode = 0o755
		}
		m.Files = append(m.Files, image.File{Name: to, Mode: mode, Content: content})
	}
	name := fmt.Sprintf("qrsd_%s_oci_%s.tar", s.version, o.arch)
	file, err := os.Create(filepath.Join(o.out, name))
	if err != nil {
		return "", err
	}
	if err := image.Write(file, m); err != nil {
		_ = file.Close() // the first error is the one to tell
		return "", fmt.Errorf("writing the image: %w", err)
	}
	return name, file.Close()
}

var (
	condition   = regexp.MustCompile(`(?m)^\t\tdistrustAfter:`)
	conditional = regexp.MustCompile(`sha256Hash:\s*"([0-9a-f]{64})",\s*certStartOff:\s*\d+,\s*certLength:\s*\d+,\s*distrustAfter:`)
)

// certificates are the authorities of the pinned module as one file of PEM: the same on every machine. Those that the module trusts on a condition (for
// certificates from before some day) are left out, since a file of PEM cannot say the condition.
func certificates(module string) ([]byte, error) {
	bundle, err := os.ReadFile(filepath.Join(module, "bundle", "bundle.der"))
	if err != nil {
		return nil, fmt.Errorf("the certificates of authorities: %w; name the folder of their module (-roots)", err)
	}
	list, err := x509.ParseCertificates(bundle)
	if err != nil {
		return nil, fmt.Errorf("the certificates of authorities: %w", err)
	}
	table, err := os.ReadFile(filepath.Join(module, "bundle", "bundle.go"))
	if err != nil {
		return nil, fmt.Errorf("the conditions of authorities: %w", err)
	}
	left := map[string]bool{}
	for _, m := range conditional.FindAllSubmatch(table, -1) {
		left[string(m[1])] = true
	}
	if n := len(condition.FindAll(table, -1)); n != len(left) {
		return nil, fmt.Errorf("%s has %d conditions, of which %d are understood: mend packaging/release", filepath.Join(module, "bundle", "bundle.go"), n, len(left))
	}
	var text []byte
	for _, c := range list {
		if sum := sha256.Sum256(c.Raw); !left[hex.EncodeToString(sum[:])] {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
		}
	}
	return text, nil
}
