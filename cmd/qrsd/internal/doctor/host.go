package doctor

import (
	"bufio"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Host is how the machine is asked. ThisHost is the real one.
type Host struct {
	// Files is the root of its file system; /proc and /sys are read there.
	Files fs.FS
	// Space is what an unprivileged process may still write to the file system of a folder, of how much, in bytes; inodes that are
	// free, or -1 where the file system has no count of them.
	Space func(folder string) (free, total, inodes int64, err error)
	// CommitTime writes one page to a file in a folder and waits until it is on the disk, as often as fits into the span, and returns the median.
	CommitTime func(folder string, span time.Duration) (time.Duration, error)
	// Device is the number of the block device below a path, or 0:0 where the file system has none of its own (btrfs, overlay); of
	// a block device itself, with node, its own number.
	Device func(path string, node bool) (major, minor uint32, err error)
	// Synchronised says whether something keeps the clock right; known false: the system does not say.
	Synchronised func() (yes, known bool)
	// OpenFiles is how many files this process may have open; 0: no limit is known.
	OpenFiles func() uint64
	// Cores is how many this process may use.
	Cores func() int
	// Free tries to listen at an address, and gives it back at once.
	Free func(address string) error
	// Owner is the user that a file belongs to, and Self the one that this process runs under; -1: the system has none.
	Owner func(info fs.FileInfo) int
	Self  func() int
}

// memory is MemTotal and MemAvailable of /proc/meminfo, in bytes.
func (h Host) memory() (total, available int64, err error) {
	f, err := h.Files.Open("proc/meminfo")
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var name string
		var kilobytes int64
		if _, err := fmt.Sscanf(lines.Text(), "%s %d kB", &name, &kilobytes); err != nil {
			continue
		}
		switch name {
		case "MemTotal:":
			total = kilobytes << 10
		case "MemAvailable:":
			available = kilobytes << 10
		}
	}
	if total == 0 || available == 0 {
		return 0, 0, fmt.Errorf("/proc/meminfo: no MemTotal or no MemAvailable in it")
	}
	return total, available, nil
}

// openFilesOf is the limit of another process.
func (h Host) openFilesOf(process int) (uint64, error) {
	text, err := fs.ReadFile(h.Files, path.Join("proc", strconv.Itoa(process), "limits"))
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			if soft := strings.Fields(rest); len(soft) > 0 {
				return strconv.ParseUint(soft[0], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("/proc/%d/limits: no line of open files", process)
}

// encrypted says whether everything below a path is encrypted by the kernel (dm-crypt), and names the device. The name of a device mapper's
// target begins its uuid: CRYPT-LUKS2-..., LVM-....
func (h Host) encrypted(folder string) (yes bool, device string, err error) {
	major, minor, err := h.Device(folder, false)
	if err != nil {
		return false, "", err
	}
	if major == 0 { // an anonymous device: ask what is mounted there
		source, err := h.mounted(folder)
		if err != nil {
			return false, "", err
		}
		if major, minor, err = h.Device(source, true); err != nil {
			return false, "", err
		}
	}
	at := fmt.Sprintf("sys/dev/block/%d:%d", major, minor)
	if _, err := fs.Stat(h.Files, at); err != nil {
		return false, "", err
	}
	return h.isCrypt(at, 0), fmt.Sprintf("device %d:%d", major, minor), nil
}

// deepest bounds how many layers of devices are looked through.
const deepest = 8

// isCrypt looks at a device and at all that it lies on.
func (h Host) isCrypt(device string, depth int) bool {
	if uuid, err := fs.ReadFile(h.Files, device+"/dm/uuid"); err == nil && strings.Contains(string(uuid), "CRYPT-") {
		return true
	}
	below, err := fs.ReadDir(h.Files, device+"/slaves")
	if err != nil || len(below) == 0 || depth == deepest {
		return false
	}
	for _, b := range below {
		if !h.isCrypt("sys/class/block/"+b.Name(), depth+1) {
			return false
		}
	}
	return true
}

// mounted is the device whose file system a folder is in, by /proc/self/mountinfo (proc_pid_mountinfo(5)).
func (h Host) mounted(folder string) (source string, err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	text, err := fs.ReadFile(h.Files, "proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	longest := -1
	for line := range strings.SplitSeq(string(text), "\n") {
		before, after, found := strings.Cut(line, " - ")
		fields, of := strings.Fields(before), strings.Fields(after)
		if !found || len(fields) < 5 || len(of) < 2 {
			continue
		}
		point := fields[4]
		if under(folder, point) && len(point) > longest {
			longest, source = len(point), of[1]
		}
	}
	if !strings.HasPrefix(source, "/dev/") {
		return "", fmt.Errorf("%s lies on %q, which is no device: %w", folder, source, fs.ErrNotExist)
	}
	return source, nil
}

func under(folder, point string) bool {
	return folder == point || strings.HasPrefix(folder, strings.TrimSuffix(point, "/")+"/")
}
