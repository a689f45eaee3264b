package besttrack

// Hours is the number of hours from 1800-01-01 00:00 UTC to the given day's start
// in the Gregorian calendar.
func Hours(year, month, day int) int64 {
	return 24 * int64(dayNumber(year, month, day)-dayNumber(1800, 1, 1))
}

// dayNumber counts days from 1 March of year 0 (Fliegel and Van Flandern's
// arrangement with March as first month, so that leap days fall at a year's end).
func dayNumber(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1
}

// daysIn is the length of a month, which must be 1 to 12.
func daysIn(year, month int) int {
	if month == 12 {
		return 31
	}
	return dayNumber(year, month+1, 1) - dayNumber(year, month, 1)
}

// Date is the calendar date and hour of a time in hours since 1800-01-01 00:00 UTC.
func Date(hours int64) (year, month, day, hour int) {
	n := int(hours/24) + dayNumber(1800, 1, 1)
	hour = int(hours % 24)
	year = (n*400 + 1500) / 146097
	for dayNumber(year+1, 3, 1) <= n {
		year++
	}
	for dayNumber(year, 3, 1) > n {
		year--
	}
	rest := n - dayNumber(year, 3, 1)
	month = (5*rest+2)/153 + 3
	day = rest - (153*(month-3)+2)/5 + 1
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day, hour
}

// DayOfYear is 1 for 1 January.
func DayOfYear(year, month, day int) int {
	return dayNumber(year, month, day) - dayNumber(year, 1, 1) + 1
}
