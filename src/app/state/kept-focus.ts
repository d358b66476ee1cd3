const CONTROLS =
  'button:enabled, input:enabled, select:enabled, textarea:enabled, a[href], [tabindex="0"]';

/** Where a control stands: its place among the controls of each element around it, from the innermost on. */
type Place = { around: HTMLElement; index: number }[];

/**
 * Keeps the keyboard where it was when the control that it is in goes away or is disabled: in the control that then has its place, or the last
 * one there; in itself again when it is enabled. Browsers give it back to the page as a whole, and a screen reader begins at the top.
 *
 * @returns what ends it
 */
export function keepFocus(page: HTMLElement): () => void {
  let held: { control: HTMLElement; place: Place } | null = null;

  function take({ target }: FocusEvent) {
    if (target instanceof HTMLElement) held = { control: target, place: placeOf(target, page) };
  }

  /** Somebody who clicks beside all controls means to leave them; of one that goes away this is told before it is gone. */
  function leave() {
    queueMicrotask(() => {
      if (held && isUsable(held.control) && document.activeElement === document.body) held = null;
    });
  }

  function mend() {
    if (!held || document.activeElement !== document.body) return;
    const { control, place } = held;
    if (isUsable(control)) control.focus({ preventScroll: true });
    else if (!control.isConnected) controlAt(place)?.focus({ preventScroll: true });
  }

  const observer = new MutationObserver(mend);
  observer.observe(page, { childList: true, subtree: true, attributeFilter: ['disabled'] });
  page.addEventListener('focusin', take);
  page.addEventListener('focusout', leave);
  return () => {
    observer.disconnect();
    page.removeEventListener('focusin', take);
    page.removeEventListener('focusout', leave);
  };
}

function isUsable(control: HTMLElement): boolean {
  return control.isConnected && !control.matches(':disabled');
}

function placeOf(control: HTMLElement, page: HTMLElement): Place {
  const place: Place = [];
  for (let around = control.parentElement; around; around = around.parentElement) {
    place.push({ around, index: controlsIn(around).indexOf(control) });
    if (around === page) break;
  }
  return place;
}

/** The control that stands at a place now, as close around it as there is one. */
function controlAt(place: Place): HTMLElement | undefined {
  for (const { around, index } of place) {
    if (!around.isConnected) continue;
    const controls = controlsIn(around);
    const control = controls[Math.min(index, controls.length - 1)];
    if (control) return control;
  }
  return undefined;
}

function controlsIn(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>(CONTROLS)];
}
