import { useEffect, useRef, type ReactNode } from 'react'

/** A modal dialog: the browser's own, which holds the focus and closes with Escape. */
export function Dialog({ title, open, onClose, children, wide }: { title: string; open: boolean; onClose: () => void; children: ReactNode; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null)
  // Where the focus goes back to: what had it when the dialog was asked for, before anything in it takes it.
  const before = useRef<Element>(null)
  if (open && !before.current) before.current = document.activeElement
  useEffect(() => {
    if (!open) return
    return () => {
      const back = before.current
      before.current = null
      if (back instanceof HTMLElement && back.isConnected) back.focus()
    }
  }, [open])
  useEffect(() => {
    const d = ref.current
    if (!d) return
    if (open && !d.open) {
      d.showModal() // gives the focus to its first button, which closes it; who opens a dialog with a field comes to fill it in
      d.querySelector<HTMLElement>('.dialog-body :is(input:not([type=checkbox], [type=radio], [type=file]), textarea, select):not([disabled])')?.focus()
    }
    if (!open && d.open) d.close()
  }, [open])
  if (!open) return null
  return (
    <dialog ref={ref} aria-label={title} className={wide ? 'dialog wide' : 'dialog'} onClose={onClose} onClick={(e) => { if (e.target === ref.current) onClose() }}>
      <div className="dialog-body">
        <header className="dialog-head">
          <h2>{title}</h2>
          <button type="button" className="icon" aria-label="Close" onClick={onClose}>✕</button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
