//go:build !unix

package durablefile

import "os"

// LockFile does nothing: no lock between processes is known here.
func LockFile(*os.File) error { return nil }
