//go:build !unix

package egressfile

import "os"

// lock: no lock between processes is known here; within one process the Journal's own serves.
func lock(*os.File) error { return nil }
