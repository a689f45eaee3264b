import { useLayoutEffect, useState } from 'react'

/** The width that an element has, by the ref to give it: charts are drawn in it, so that their text keeps its size. The element may come later. */
export function useWidth<E extends Element = HTMLDivElement>(atFirst = 640) {
  const [element, setElement] = useState<E | null>(null)
  const [width, setWidth] = useState(atFirst)
  useLayoutEffect(() => {
    if (!element) return
    setWidth(Math.round(element.getBoundingClientRect().width) || atFirst)
    const observer = new ResizeObserver(([entry]) => { if (entry) setWidth(Math.round(entry.contentRect.width)) })
    observer.observe(element)
    return () => observer.disconnect()
  }, [element, atFirst])
  return [setElement, width] as const
}
