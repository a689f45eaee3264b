// The head of the log as this browser saw it last: a log that shrank, or was changed behind it, is found at the next visit.

export interface Head { size: number; root: string; at: string } // root in base64, as the API gives it

const place = (log: string) => `qrsd.head.${log}`

/** The head that was seen last of the log with this origin; undefined where there is none, or it cannot be read. */
export function remembered(origin: string): Head | undefined {
  try {
    const head = JSON.parse(localStorage.getItem(place(origin)) ?? '') as Head
    return Number.isSafeInteger(head.size) && head.size > 0 && typeof head.root === 'string' ? head : undefined
  } catch {
    return undefined
  }
}

export function remember(origin: string, head: Head) {
  try { localStorage.setItem(place(origin), JSON.stringify(head)) } catch { /* the next visit has nothing to compare with, and says so */ }
}
