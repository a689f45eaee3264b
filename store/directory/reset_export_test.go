package directory

// HurryResets lets requests for a new password answer at once.
func (d *Directory) HurryResets() { d.resetFloor = 0 }

// ShownFailure is what the outbox shows of what a mail server said.
var ShownFailure = shownFailure
