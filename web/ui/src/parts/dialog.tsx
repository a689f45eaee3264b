import { useEffect, useRef, type ReactNode } from 'react'

/** A modal dialog: the browser's own, which holds the focus and closes with Escape. */
export function Dialog({ title, open, onClose, children, wide }: { title: string; open: boolean; onClose: () => void; children: ReactNode; wide?: boolean }) {
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const d = ref.current
    if (!d) return
    if (open && !d.open) d.showModal()
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
