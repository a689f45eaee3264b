package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Limits of the host. Space is measured against what the store itself holds back (1 GiB or 5 %, see package store).
const (
	spaceLeast   = 1 << 30
	spaceLow     = 5 << 30
	inodesLeast  = 1000
	memoryLeast  = 256 << 20
	memoryLow    = 1 << 30
	memoryTotal  = 3 << 30 // of a host that is sold with 4 GiB
	commitSlow   = 10 * time.Millisecond
	commitTooFar = 100 * time.Millisecond
	commitSpan   = 300 * time.Millisecond
	ownFiles     = 256 // beside connections: see web.Server
	connections  = 4096
)

func (e *examination) clock(context.Context) {
	now := e.Now()
	if s := e.status(); s != nil && s.Anchored.Sub(now) > time.Minute {
		e.say(Failure, "Set the clock of this host right; entries of the audit log keep the order all the same, and say what the clock said.",
			"it says %s, and the store's last checkpoint is of %s", utc(now), utc(s.Anchored))
		return
	}
	if !e.Build.Time.IsZero() && e.Build.Time.Sub(now) > time.Hour {
		e.say(Failure, "Set the clock of this host right: one-time codes, sessions and certificates go by it.", "it says %s, and this program was made of a commit of %s", utc(now), utc(e.Build.Time))
		return
	}
	switch yes, known := e.Host.Synchronised(); {
	case !known:
		e.say(Unknown, "Look whether something keeps the clock in step (chronyc tracking, timedatectl).", "%s; the system does not say whether it is kept in step", utc(now))
	case !yes:
		e.say(Warning, "Run chrony or systemd-timesyncd with a time source that this host reaches: one-time codes fail beyond half a minute.", "%s; nothing keeps it in step", utc(now))
	default:
		e.ok("%s, kept in step", utc(now))
	}
}

func (e *examination) cores(context.Context) {
	have := e.Host.Cores()
	if e.Config != nil && e.Config.Runs.Cores > have {
		e.say(Warning, "Lower runs.cores, or give the service more (CPUQuota=, AllowedCPUs=).", "%d, and runs.cores says %d", have, e.Config.Runs.Cores)
		return
	}
	if have < 2 {
		e.say(Warning, "Give the host two cores or more: a run on the only one slows every page down.", "%d", have)
		return
	}
	e.ok("%d", have)
}

func (e *examination) memory(context.Context) {
	total, available, err := e.Host.memory()
	switch {
	case err != nil:
		e.say(Unknown, "Look with the system's own means.", "%v", err)
	case available < memoryLeast:
		e.say(Failure, "Stop what else runs on this host, or give it more memory: the kernel ends processes next.", "%s of %s is available", size(available), size(total))
	case available < memoryLow:
		e.say(Warning, "Lower runs.at_once, or give the host more memory: a run of a large portfolio waits until there is enough.", "%s of %s is available", size(available), size(total))
	case total < memoryTotal:
		e.say(Warning, "Give the host 4 GiB or more.", "%s in all, %s available", size(total), size(available))
	default:
		e.ok("%s of %s is available", size(available), size(total))
	}
}

func (e *examination) diskSpace(context.Context) {
	folder, ok := e.there()
	if !ok {
		return
	}
	free, total, inodes, err := e.Host.Space(folder)
	switch {
	case err != nil:
		e.say(Unknown, "Look with df.", "%s: %v", folder, err)
	case free < min(spaceLeast, total/20):
		e.say(Failure, "Free space on this disk, or give it more: changes are refused until there is; reading, signing in and exporting go on.",
			"%s of %s is free at %s", size(free), size(total), folder)
	case inodes >= 0 && inodes < inodesLeast:
		e.say(Failure, "Remove small files from this disk: it has room for bytes, and not for names.", "%d more files fit at %s", inodes, folder)
	case free < min(spaceLow, total/10):
		e.say(Warning, "Free space on this disk, or give it more, before changes are refused.", "%s of %s is free at %s", size(free), size(total), folder)
	default:
		e.ok("%s of %s is free at %s", size(free), size(total), folder)
	}
}

func (e *examination) diskSpeed(context.Context) {
	folder, ok := e.there()
	if !ok {
		return
	}
	median, err := e.Host.CommitTime(folder, commitSpan)
	if err != nil {
		e.say(Failure, "Look whether the disk is full, mounted read-only, or failing (dmesg).", "a page cannot be written at %s: %v", folder, err)
		return
	}
	const found = "a page is on the disk of %s after %s (median)"
	median = median.Round(10 * time.Microsecond)
	switch {
	case median > commitTooFar:
		e.say(Failure, "Move the store to a local disk: every request waits for its audit entry to be written.", found, folder, median)
	case median > commitSlow:
		e.say(Warning, "A local SSD takes below one millisecond; look what else writes to this disk.", found, folder, median)
	default:
		e.ok(found, folder, median)
	}
}

func (e *examination) diskEncryption(context.Context) {
	folder, ok := e.there()
	if !ok {
		return
	}
	yes, device, err := e.Host.encrypted(folder)
	switch {
	case err != nil:
		e.say(Unknown, "Look with lsblk; encryption by the disk itself or by a cloud's volume is not seen from here.", "the device below %s is not known: %v", folder, err)
	case !yes:
		e.say(Warning, "The store's values are encrypted by themselves. Encrypt the disk too (LUKS), for memory that is swapped out, and for a key file; "+
			"encryption by the disk itself or by a cloud's volume is not seen from here.", "%s below %s is not encrypted by the kernel", device, folder)
	default:
		e.ok("%s below %s is encrypted by the kernel", device, folder)
	}
}

func (e *examination) openFiles(context.Context) {
	need := uint64(ownFiles + connections)
	if e.Config != nil && e.Config.Limits.Connections > 0 {
		need = ownFiles + uint64(e.Config.Limits.Connections) //nolint:gosec // a limit is positive
	}
	of, may := "this process", e.Host.OpenFiles()
	if e.Store.Holder != 0 {
		var err error
		if may, err = e.Host.openFilesOf(e.Store.Holder); err != nil {
			e.say(Unknown, "Look at LimitNOFILE= of the service.", "the limit of process %d: %v", e.Store.Holder, err)
			return
		}
		of = "the running appliance"
	}
	switch {
	case may == 0:
		e.say(Unknown, "Look with ulimit -n.", "no limit is known")
	case may < need:
		e.say(Warning, "Raise LimitNOFILE= of the service, or lower limits.connections.", "%s may open %d, and limits.connections needs %d", of, may, need)
	default:
		e.ok("%s may open %d", of, may)
	}
}

// permissions looks at the files that nobody else may read, and whose they are.
func (e *examination) permissions(context.Context) {
	if e.Config == nil {
		e.say(Unknown, "Mend the configuration first.", "the configuration does not say where the files are")
		return
	}
	c := e.Config
	faults := 0
	look := func(path string) {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || path == "" {
			return // the checks of those things say so
		}
		if err != nil {
			faults++
			e.say(Failure, "Run this as the user of the service.", "%s: %v", path, err)
			return
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			faults++
			e.say(Failure, "chmod go= "+path, "%s: its mode %04o lets others in", path, mode)
		}
		if of, self := e.Host.Owner(info), e.Host.Self(); of >= 0 && of != self {
			faults++
			e.say(Warning, "Give it to the user of the service (chown), or run this as that user.", "%s belongs to user %d, and this runs as user %d", path, of, self)
		}
	}
	s := c.Store.Path
	for _, path := range []string{s, filepath.Join(s, "main.db"), filepath.Join(s, "keys.qrk"), filepath.Join(s, "blobs"), c.Store.Unlock.KeyFile, filepath.Join(c.TLS.Folder, "key.pem"), c.Record} {
		look(path)
	}
	if faults == 0 {
		e.ok("store, keys and records are for their user alone")
	}
}

// there is the folder of the store, or the nearest one above it that exists.
func (e *examination) there() (folder string, ok bool) {
	if folder = e.folder(); folder == "" {
		e.say(Unknown, "Mend the configuration first.", "the configuration does not say where the store is")
		return "", false
	}
	for {
		if _, err := os.Stat(folder); err == nil {
			return folder, true
		}
		above := filepath.Dir(folder)
		if above == folder {
			return folder, true
		}
		folder = above
	}
}
