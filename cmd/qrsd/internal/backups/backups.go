// Package backups joins the configuration's places for backups, the one dialer and package backup of the store: for the daemon and for the
// verbs. It decides nothing about what a backup is.
//
// Begin with Targets.
package backups

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/config"
	"github.com/qrsrisk/qrsd/cmd/qrsd/internal/runner"
	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/quantum/braket"
	"github.com/qrsrisk/qrsd/store"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/backup/s3"
)

// Targets are the places that the configuration names, folders first. Nothing is dialled but for credentials.
func Targets(ctx context.Context, c *config.Backup, d *outbound.Dialer) (all []backup.Target, err error) {
	for _, path := range c.Folders {
		all = append(all, backup.Folder(path))
	}
	for _, b := range c.Buckets {
		one, err := bucket(ctx, b, d)
		if err != nil {
			return nil, fmt.Errorf("backup.s3 %q: %w", b.Name, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func bucket(ctx context.Context, b *config.Bucket, d *outbound.Dialer) (backup.Target, error) {
	client := d.Client(config.ForBackups)
	credentials, err := braket.Credentials(ctx, braket.CredentialOptions{HTTP: client, Region: b.Region, Profile: b.Profile, InstanceRole: b.InstanceRole})
	if err != nil {
		return nil, err
	}
	return s3.New(s3.Options{
		HTTP: client, Credentials: credentials, Bucket: b.Name, Region: b.Region, Prefix: b.Prefix, Endpoint: b.Endpoint, Lock: b.ObjectLock,
	})
}

// Options are those of a keeper for a configuration.
func Options(c *config.Backup, targets []backup.Target, program string) backup.Options {
	o := backup.Options{
		Targets: targets, Recipients: c.Recipients, Scratch: c.Scratch, Retention: c.Retention, At: c.At, DrillEvery: c.DrillEvery,
		Program: program, Recompute: Recompute,
	}
	for _, b := range c.Buckets {
		o.Hold = o.Hold || b.ObjectLock
	}
	return o
}

// maxIdentities bounds a file of identities, in bytes.
const maxIdentities = 1 << 20

// Identities reads a file as age-keygen writes it. One that others may read is refused.
func Identities(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the identity: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("the identity: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the identity %s: its mode %04o lets others read it: chmod 600 %s: %w", path, info.Mode().Perm(), path, fs.ErrPermission)
	}
	if info.Size() > maxIdentities {
		return nil, fmt.Errorf("the identity %s: %d bytes are no file of age-keygen", path, info.Size())
	}
	all, err := age.ParseIdentities(f)
	if err != nil || len(all) == 0 {
		return nil, errors.Join(fmt.Errorf("the identity %s: it must hold a line AGE-SECRET-KEY-..., as age-keygen writes it; one that is itself encrypted is decrypted first (age -d)", path), redacted(err))
	}
	return all, nil
}

// redacted keeps the text of an error that may repeat a line of the file to itself.
func redacted(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("age cannot read it")
}

// NewIdentity makes an identity in a new file that nobody else may read, and returns its recipient. A file that is there is fs.ErrExist.
func NewIdentity(path string, postQuantum bool, now time.Time) (recipient string, err error) {
	var secret string
	if postQuantum {
		i, err := age.GenerateHybridIdentity()
		if err != nil {
			return "", err
		}
		secret, recipient = i.String(), i.Recipient().String()
	} else {
		i, err := age.GenerateX25519Identity()
		if err != nil {
			return "", err
		}
		secret, recipient = i.String(), i.Recipient().String()
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("the identity: %w", err)
	}
	_, err = fmt.Fprintf(f, "# created: %s\n# public key: %s\n%s\n", now.UTC().Format(time.RFC3339), recipient, secret)
	return recipient, errors.Join(err, f.Sync(), f.Close())
}

// KeepRecipient writes a recipient into a new file.
func KeepRecipient(path, recipient string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("the recipient: %w", err)
	}
	_, err = fmt.Fprintln(f, recipient)
	return errors.Join(err, f.Close())
}

// Recipients are public keys, or files of them, one a line, as a command line names them.
func Recipients(given []string) (all []string, err error) {
	for _, one := range given {
		if strings.HasPrefix(one, "age1") {
			all = append(all, one)
			continue
		}
		text, err := os.ReadFile(one)
		if err != nil {
			return nil, fmt.Errorf("recipient %q is neither a public key (age1...) nor a file of them: %w", one, err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				all = append(all, line)
			}
		}
	}
	return all, nil
}

// Recompute computes a run of a restored store again, for drills.
func Recompute(ctx context.Context, restored *store.DB) (backup.Recomputed, error) {
	r, err := runner.Replay(ctx, restored)
	return backup.Recomputed(r), err
}
