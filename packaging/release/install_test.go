package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// made is a release of the last commit, signed with a throw-away key, and a newer one.
type made struct{ scratch, folder, newer, public string }

// lastRelease is the release that the first test has made for the others: it takes minutes.
var lastRelease made

func TestMain(m *testing.M) {
	code := m.Run()
	if lastRelease.scratch != "" {
		_ = os.RemoveAll(lastRelease.scratch) // scratch
	}
	os.Exit(code)
}

// makeRelease clones the last commit and makes both. QRSD_PACKAGE_TEST names the folder with nfpm.
func makeRelease(t *testing.T) made {
	t.Helper()
	tools := os.Getenv("QRSD_PACKAGE_TEST")
	if tools == "" {
		t.Skip("installs the packages: make package-test")
	}
	if lastRelease.folder != "" {
		return lastRelease
	}
	command := func(folder, name string, args ...string) string {
		t.Helper()
		out, err := output(folder, name, args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	dir, err := os.MkdirTemp("", "qrsd-package-test-") // both tests use it; TestMain removes it
	if err != nil {
		t.Fatal(err)
	}
	lastRelease.scratch = dir
	clone, key := filepath.Join(dir, "clone"), filepath.Join(dir, "key")
	command(".", "git", "clone", "-q", "../..", clone)
	command(dir, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
	m := made{dir, filepath.Join(dir, "dist"), filepath.Join(dir, "newer"), filepath.Join(dir, "qrsd-release.pub")}
	command(dir, "openssl", "pkey", "-in", key, "-pubout", "-out", m.public)
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "")
	o := options{root: clone, out: m.folder, arch: runtime.GOARCH, nfpm: filepath.Join(tools, "nfpm"), key: key,
		roots: command("../tools", "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/crypto/x509roots/fallback")}
	if err := run(o); err != nil {
		t.Fatal(err)
	}
	o.out = m.newer
	command(clone, "git", "tag", "v99.0.0")
	if err := run(o); err != nil {
		t.Fatal(err)
	}
	lastRelease = m
	return m
}

// TestInstall walks packaging/README.md from the verification to the removal, on a machine of its own.
func TestInstall(t *testing.T) {
	release := makeRelease(t)
	m := startMachine(t)
	files, err := filepath.Glob(filepath.Join(release.folder, "*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("the release has %d files: %v", len(files), err)
	}
	m.carry(append(files, release.public)...)
	guide, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := 0
	within, printed := false, ""
	for line := range strings.SplitSeq(string(guide), "\n") {
		command, isCommand := strings.CutPrefix(line, "# ")
		aside, isAside := strings.CutPrefix(line, "<!-- test: ")
		switch {
		case strings.HasPrefix(line, "```"):
			within = line == "```console"
		case isAside && strings.HasPrefix(aside, "reboot"):
			checkService(m)
			checkSandbox(m)
			if page := m.run("man --pager=cat qrsd | head -5; man --pager=cat qrs-replay | head -5"); strings.Count(page, "NAME") != 2 {
				t.Errorf("manual pages: %s", page)
			}
			m.reboot()
		case isAside && strings.HasPrefix(aside, "newer"):
			m.run("mkdir newer")
			newer, _ := filepath.Glob(filepath.Join(release.newer, "*.deb"))
			m.carry(newer...)
			m.run("mv qrsd_99* newer/")
		case !within:
		case isCommand:
			commands++
			printed = m.run(command)
			t.Logf("# %s\n%s", command, printed)
		case !strings.Contains(printed, line):
			t.Errorf("%q is not in what the command before it prints", line)
		}
	}
	if commands < 18 {
		t.Errorf("%d commands: is this the guide?", commands)
	}
	if left, _ := m.try("ls /etc/qrsd /usr/bin/qrsd 2>/dev/null"); left != "" {
		t.Errorf("purged, and still there: %s", left)
	}
}

// TestInstallRPM: the other package makes the same service. Where rpm is installed on a machine of the other kin, only its dependencies are not looked at.
func TestInstallRPM(t *testing.T) {
	release := makeRelease(t)
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("no rpm here")
	}
	m := startMachine(t)
	m.run("mkdir newer")
	for _, folder := range []string{release.newer, release.folder} {
		files, err := filepath.Glob(filepath.Join(folder, "*.rpm"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%d packages in %s: %v", len(files), folder, err)
		}
		m.carry(files...)
	}
	m.run("mv qrsd-99* newer/ && rpm --install --nodeps qrsd-*.rpm && systemctl enable --now qrsd")
	checkService(m)
	first := m.run("systemctl show --property MainPID --value qrsd")
	m.run("echo '# a change of the owner' >>/etc/qrsd/qrsd.hcl && rpm --upgrade --nodeps newer/qrsd-*.rpm && systemctl is-active qrsd")
	if second := m.run("systemctl show --property MainPID --value qrsd"); second == first {
		t.Error("the upgrade has not restarted the service")
	}
	m.run("grep -q 'change of the owner' /etc/qrsd/qrsd.hcl")
	if words := m.run("rpm --erase qrsd"); !strings.Contains(words, "are left as they are") {
		t.Errorf("rpm --erase says: %s", words)
	}
	m.run("test -e /var/lib/qrsd/store && test -e /var/lib/qrsd-key/store.key && test ! -e /usr/bin/qrsd && ! systemctl is-active qrsd")
}

// checkService looks at the running service beyond what the guide shows.
func checkService(m *machine) {
	t := m.t
	t.Helper()
	m.run("systemd-analyze security qrsd.service --no-pager --threshold=20")
	if user := m.run("ps -o user= -p $(systemctl show --property MainPID --value qrsd)"); strings.TrimSpace(user) != "qrsd" {
		t.Errorf("the service runs as %q", user)
	}
	if modes := m.run("stat --format '%a %U' /var/lib/qrsd /var/lib/qrsd-key /var/lib/qrsd-key/store.key"); strings.Join(strings.Fields(modes), " ") != "700 qrsd 700 qrsd 600 qrsd" {
		t.Errorf("folders and key: %s", modes)
	}
	if page := m.run("curl --silent --cacert /var/lib/qrsd/tls/certificate.pem https://localhost:8443/setup"); !strings.Contains(page, "<form") {
		t.Errorf("no form to set up with: %s", page)
	}
	// Every attempt to leave a machine without a route is counted by its kernel.
	if n := m.run("nstat -a -z IpOutNoRoutes | awk '/^Ip/ {print $2}'"); strings.TrimSpace(n) != "0" {
		t.Errorf("%s attempts to leave the machine", n)
	}
	m.run("systemctl reload qrsd && systemctl is-active qrsd")
	if faults := m.run("journalctl --unit qrsd --output cat --no-pager"); regexp.MustCompile(`(?i)"@level":"error"|operation not permitted`).MatchString(faults) {
		t.Errorf("the service complains: %s", faults)
	}
	if got := m.run("bash -c 'source /usr/share/bash-completion/completions/qrsd; COMP_WORDS=(qrsd val); COMP_CWORD=1; _qrsd; echo ${COMPREPLY[@]}'"); strings.TrimSpace(got) != "validate" {
		t.Errorf("completion offers %q", got)
	}
}

// checkSandbox computes a run with all that the unit forbids: model, quantum circuits and files get by with what is left.
func checkSandbox(m *machine) {
	t := m.t
	t.Helper()
	m.carry("../../examples/florida/location.csv")
	unit, err := os.ReadFile("../qrsd.service")
	if err != nil {
		t.Fatal(err)
	}
	_, service, _ := strings.Cut(string(unit), "[Service]\n")
	service, _, _ = strings.Cut(service, "[Install]")
	command := "systemd-run --quiet --wait --pipe"
	limits := 0
	for line := range strings.Lines(service) {
		key, _, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || regexp.MustCompile(`^(Type|Exec|Watchdog|Timeout|Restart)`).MatchString(key) {
			continue
		}
		limits++
		command += " --property '" + strings.TrimSpace(line) + "'"
	}
	if limits < 30 {
		t.Errorf("%d properties: is this the unit?", limits)
	}
	out := m.run(command + " /usr/bin/qrsd run --location /srv/location.csv --years 500 --out /var/lib/qrsd/probe")
	t.Log(out)
	m.run("ls /var/lib/qrsd/probe/*.csv && rm -r /var/lib/qrsd/probe")
	if _, err := m.try(command + " /usr/bin/qrsd run --location /srv/location.csv --years 1 --out /srv/probe"); err == nil {
		t.Error("the service can write where it should not")
	}
}

// TestImage: what is in the image runs as its user, on a root that nobody can write to, without capabilities and without a network.
func TestImage(t *testing.T) {
	release := makeRelease(t)
	needNamespaces(t)
	images, err := filepath.Glob(filepath.Join(release.folder, "*_oci_*.tar"))
	if err != nil || len(images) != 1 {
		t.Fatalf("%d images: %v", len(images), err)
	}
	script := exec.Command("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "testdata/image.sh", images[0], t.TempDir())
	out, err := script.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"status":"ok"`) || !strings.Contains(string(out), "set_up_code") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestVerification: what the customer does finds every file that was changed, and a signature by another key.
func TestVerification(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl here")
	}
	dir := t.TempDir()
	sh := func(command string) error {
		c := exec.Command("sh", "-c", command)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, out)
		}
		return nil
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(filepath.Join(dir, "qrsd_1.deb"), []byte("package"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "qrsd_1.tar"), []byte("image"), 0o600))
	for _, name := range []string{"ours", "other"} {
		must(sh("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " + name + " && chmod 600 " + name + " && openssl pkey -in " + name + " -pubout -out " + name + ".pub"))
	}
	const verify = "openssl dgst -sha256 -verify ours.pub -signature SHA256SUMS.sig SHA256SUMS && sha256sum --check --strict SHA256SUMS"
	must(writeSums(dir, []string{"qrsd_1.tar", "qrsd_1.deb"}))
	must(sign(dir, filepath.Join(dir, "ours")))
	must(sh(verify))
	for what, change := range map[string]string{
		"a changed file":   "printf x >>qrsd_1.deb",
		"changed sums":     "printf x >>qrsd_1.deb && sha256sum qrsd_1.deb qrsd_1.tar >SHA256SUMS",
		"another key":      "openssl dgst -sha256 -sign other -out SHA256SUMS.sig SHA256SUMS",
		"a file left out":  "rm qrsd_1.tar",
		"a signature less": "rm SHA256SUMS.sig",
	} {
		must(sh("rm -rf ../kept && cp -a . ../kept && " + change))
		if sh(verify) == nil {
			t.Errorf("%s is not noticed", what)
		}
		must(sh("rm -f qrsd_1.* SHA256SUMS* && cp -a ../kept/. ."))
	}
	must(sh("openssl dgst -sha256 -sign ours -out SHA256SUMS.sig SHA256SUMS && " + verify)) // signed by hand
}

// TestReleaseKey: a key that others can read, or of another kind, signs nothing.
func TestReleaseKey(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl here")
	}
	dir := t.TempDir()
	for name, c := range map[string]struct{ kind, mode, want string }{
		"readable":    {"EC -pkeyopt ec_paramgen_curve:P-256", "644", "chmod 600"},
		"other curve": {"EC -pkeyopt ec_paramgen_curve:P-384", "600", "P-256"},
		"other kind":  {"ED25519", "600", "P-256"},
	} {
		path := filepath.Join(dir, "key")
		if out, err := exec.Command("sh", "-c", "rm -f "+path+"; openssl genpkey -algorithm "+c.kind+" -out "+path+" && chmod "+c.mode+" "+path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := readKey(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnit: the exposure that systemd measures is at most 2.0, and every line is understood.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold=20", "../qrsd.service").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || !strings.Contains(lines[len(lines)-1], "Overall exposure level") {
		t.Errorf("%v: %s", err, out)
	}
	for _, line := range lines {
		if strings.Contains(line, "qrsd.service:") && strings.Contains(line, "ignoring") {
			t.Error(line)
		}
	}
}

// TestConfiguration: the packages' configuration is the example with the folders of the service, and an example that has changed there is noticed.
func TestConfiguration(t *testing.T) {
	dir := t.TempDir()
	if err := writeConfiguration("../..", dir); err != nil {
		t.Fatal(err)
	}
	packaged, err := os.ReadFile(filepath.Join(dir, "qrsd.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	contained, err := os.ReadFile(filepath.Join(dir, "qrsd-container.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{"\n  path = \"/var/lib/qrsd/store\"\n": string(packaged), "\n  key_file = \"/var/lib/qrsd-key/store.key\"\n": string(packaged), "\nlisten = \":8443\"\n": string(contained)} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q", want)
		}
	}
	if _, err := replaced("path = 1\n", placed); err == nil {
		t.Error("an example without the lines is taken")
	}
}

// TestCertificates: an authority that is trusted on a condition is left out, and a condition that is not understood is a fault.
func TestCertificates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var der []byte
	var table string
	for i, name := range []string{"plain", "ending"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name}}
		one, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		table += fmt.Sprintf("\t{\n\t\tcn: %q,\n\t\tsha256Hash: \"%x\",\n\t\tcertStartOff: %d,\n\t\tcertLength: %d,\n", name, sha256.Sum256(one), len(der), len(one))
		if name == "ending" {
			table += "\t\tdistrustAfter: \"2026-04-15T23:59:59Z\",\n"
		}
		table += "\t},\n"
		der = append(der, one...)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bundle.der", string(der))
	write("bundle.go", table)
	got, err := certificates(filepath.Dir(dir))
	if err != nil || strings.Count(string(got), "BEGIN CERTIFICATE") != 1 {
		t.Errorf("%v: %s", err, got)
	}
	block, _ := pem.Decode(got)
	if c, err := x509.ParseCertificate(block.Bytes); err != nil || c.Subject.CommonName != "plain" {
		t.Errorf("%v: %v", err, c)
	}
	write("bundle.go", strings.Replace(table, "certStartOff", "starts", 2))
	if _, err := certificates(filepath.Dir(dir)); err == nil {
		t.Error("a table of another form is taken")
	}
}

// TestVersion: what dpkg says of the order of our versions.
func TestVersion(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("no dpkg here")
	}
	early := source{commit: strings.Repeat("f", 40)}
	late := source{commit: strings.Repeat("0", 40), time: early.time.AddDate(1, 0, 0)}
	order := []string{versionOf(nil, "1.2.0", early, false), versionOf(nil, "1.2.0", late, false), versionOf([]string{"v1.2.0-rc", "v1.2.0"}, "1.2.0", early, false), versionOf(nil, "1.3.0", early, false)}
	for i := 1; i < len(order); i++ {
		if err := exec.Command("dpkg", "--compare-versions", order[i-1], "lt", order[i]).Run(); err != nil {
			t.Errorf("%s is not before %s", order[i-1], order[i])
		}
	}
}
