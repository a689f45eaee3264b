// The exact bytes of a line of the egress record, for a reader.

/** How many bytes a text in base 64 stands for. */
export function rawSize(base64: string): number {
  return Math.floor((base64.replace(/=+$/, '').length * 3) / 4)
}

/** Text as it is (JSON too: it is shown to the byte); what is no text, as hexadecimal in lines of sixteen. */
export function shownBytes(base64: string): string {
  const raw = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(raw)
    if (!/[\u0000-\u0008\u000e-\u001f]/.test(text)) return text
  } catch { /* it is no text */ }
  const lines: string[] = []
  for (let i = 0; i < raw.length; i += 16) lines.push(Array.from(raw.subarray(i, i + 16), (b) => b.toString(16).padStart(2, '0')).join(' '))
  return lines.join('\n')
}
