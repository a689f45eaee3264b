package simulator

// one applies m to the target position of a block.
func one(x []float64, target int, m *matrix) {
	if *m == identity {
		return
	}
	run := 1 << target
	if run < 8 {
		oneNear(x, target, m)
		return
	}
	for at := 0; at < len(x); at += 2 * run {
		rotate(x[at:at+run], x[at+run:at+2*run], m)
	}
}

// two applies m[0] or m[1] to the target position of a block, by the bit at the control position.
func two(x []float64, target, control int, m *[2]matrix) {
	if min(target, control) < 3 {
		twoNear(x, target, control, m)
		return
	}
	t, c := 1<<target, 1<<control
	low, high := min(t, c), max(t, c)
	for i := 0; i < len(x); i += 2 * high {
		for j := i; j < i+high; j += 2 * low {
			rotate(x[j:j+low], x[j+t:j+t+low], &m[0])
			rotate(x[j+c:j+c+low], x[j+c+t:j+c+t+low], &m[1])
		}
	}
}

// rotate applies m to amplitudes that lie apart.
func rotate(x, y []float64, m *matrix) {
	switch *m {
	case identity:
		return
	case flip:
		swap(x, y)
		return
	}
	a, b, c, d := m.a, m.b, m.c, m.d
	y = y[:len(x)]
	for i, u := range x {
		v := y[i]
		x[i] = float64(a*u) + float64(b*v)
		y[i] = float64(c*u) + float64(d*v)
	}
}

func swap(x, y []float64) {
	y = y[:len(x)]
	for i, u := range x {
		x[i], y[i] = y[i], u
	}
}

// oneNear is one for a target among the lowest positions, whose runs are too short for a loop of their own.
func oneNear(x []float64, target int, m *matrix) {
	a, b, c, d := m.a, m.b, m.c, m.d
	low := 1<<target - 1
	for k := range len(x) / 2 {
		i := k&low | k&^low<<1
		j := i + low + 1
		u, v := x[i], x[j]
		x[i] = float64(a*u) + float64(b*v)
		x[j] = float64(c*u) + float64(d*v)
	}
}

// twoNear is two where target or control is among the lowest positions.
func twoNear(x []float64, target, control int, m *[2]matrix) {
	t, c := 1<<target, 1<<control
	low, high := min(t, c)-1, max(t, c)-1
	p, q := m[0], m[1]
	for k := range len(x) / 4 {
		i := k&low | k&^low<<1
		i = i&high | i&^high<<1
		u, v := x[i], x[i+t]
		x[i] = float64(p.a*u) + float64(p.b*v)
		x[i+t] = float64(p.c*u) + float64(p.d*v)
		i += c
		u, v = x[i], x[i+t]
		x[i] = float64(q.a*u) + float64(q.b*v)
		x[i+t] = float64(q.c*u) + float64(q.d*v)
	}
}
