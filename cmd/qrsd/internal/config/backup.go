package config

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/qrsrisk/qrsd/internal/outbound"
	"github.com/qrsrisk/qrsd/store/backup"
	"github.com/qrsrisk/qrsd/store/backup/s3"
)

// Backup says where backups go, and when.
type Backup struct {
	Recipients []string
	Folders    []string      // each gets every backup
	Buckets    []*Bucket     // so does each of these
	At         time.Duration // of the day, UTC
	Retention  time.Duration // 0: 35 days
	DrillEvery time.Duration // 0: 91 days
	Scratch    string        // folder for copies while they are made and verified
}

// Bucket is a bucket of S3, or of a service that speaks like it.
type Bucket struct {
	Name         string
	Region       string
	Prefix       string
	Endpoint     string // URL; "": that of AWS
	Profile      string // of the AWS configuration files
	InstanceRole bool   // also asks the metadata service of an EC2 instance for credentials
	ObjectLock   bool
}

// ForBackups is the purpose of connections to where backups are kept.
const ForBackups outbound.Purpose = "backups"

// destinations are the bucket and where AWS renews temporary credentials: naming the bucket allows these and no others.
func (b *Bucket) destinations() []outbound.Destination {
	d := outbound.Destination{Host: s3.Options{Bucket: b.Name, Region: b.Region}.Host(), Port: 443, Purpose: ForBackups}
	if u, err := url.Parse(b.Endpoint); err == nil && u.Host != "" {
		d.Host, d.Plaintext = u.Hostname(), u.Scheme == "http"
		if d.Plaintext {
			d.Port = 80
		}
		if n, err := strconv.Atoi(u.Port()); err == nil {
			d.Port = n
		}
		d.Local = d.Plaintext // an emulator
	}
	all := []outbound.Destination{d}
	if b.Endpoint == "" {
		for _, name := range []string{"sts", "portal.sso", "oidc"} {
			all = append(all, outbound.Destination{Host: name + "." + b.Region + ".amazonaws.com", Port: 443, Purpose: ForBackups})
		}
	}
	if b.InstanceRole {
		all = append(all, outbound.Destination{Host: "169.254.169.254", Port: 80, Purpose: ForBackups, Plaintext: true, Local: true})
	}
	return all
}

func backupKeys(b *Backup) body {
	return body{
		keys: []key{
			{name: "recipients", required: true, set: list(&b.Recipients, func(s string) (string, error) { return s, backup.CheckRecipient(s) })},
			{name: "at", set: timeOfDay(&b.At)},
			{name: "retention", set: span(&b.Retention, 24*time.Hour, 10*366*24*time.Hour)},
			{name: "drill_every", set: span(&b.DrillEvery, 24*time.Hour, 366*24*time.Hour)},
			{name: "scratch", set: path(&b.Scratch)},
		},
		blocks: []block{
			{name: "folder", many: true, open: func(string) (body, error) {
				var at string
				return body{
					keys:  []key{{name: "path", required: true, set: path(&at)}},
					check: func() error { b.Folders = append(b.Folders, at); return nil },
				}, nil
			}},
			{name: "s3", many: true, open: func(string) (body, error) {
				one := &Bucket{}
				return body{keys: bucketKeys(one), check: func() error { b.Buckets = append(b.Buckets, one); return nil }}, nil
			}},
		},
		check: func() error {
			if len(b.Folders)+len(b.Buckets) == 0 {
				return errors.New(`there is no place for them: write folder { path = "..." } or s3 { ... }`)
			}
			return nil
		},
	}
}

func bucketKeys(b *Bucket) []key {
	return []key{
		{name: "bucket", required: true, set: text(&b.Name, s3.CheckBucket)},
		{name: "region", required: true, set: text(&b.Region, named)},
		{name: "prefix", set: text(&b.Prefix, func(s string) error {
			if strings.Trim(s, "/") != s || s == "" {
				return fmt.Errorf("%q: leave out the slashes at its ends, or the key", s)
			}
			return nil
		})},
		{name: "endpoint", set: text(&b.Endpoint, serviceURL)},
		{name: "profile", set: text(&b.Profile, named)},
		{name: "instance_role", set: flag(&b.InstanceRole)},
		{name: "object_lock", set: flag(&b.ObjectLock)},
	}
}

// timeOfDay keeps hours and minutes.
func timeOfDay(to *time.Duration) func(*decoder, cty.Value) error {
	return func(_ *decoder, v cty.Value) error {
		s, err := asText(v)
		if err != nil {
			return err
		}
		t, err := time.Parse("15:04", s)
		if err != nil {
			return fmt.Errorf(`%q: must be a time of day in UTC, such as "02:30"`, s)
		}
		*to = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
		return nil
	}
}

// backup looks whether the folders are there. A bucket is not asked: Check dials nothing.
func (k *checker) backup(c *Config) {
	if c.Backup == nil {
		return
	}
	for _, folder := range c.Backup.Folders {
		if !exists(folder) {
			k.fault("backup.folder.path", "%s: it is not there; make it, or mount its disk", folder)
		}
	}
}
