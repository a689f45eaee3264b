package directory

// HurryResets lets requests for a new password answer at once.
func (d *Directory) HurryResets() { d.resetFloor = 0 }
