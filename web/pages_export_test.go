package web

// LocalPath is localPath, for tests.
func LocalPath(path string) string { return localPath(path) }
