/** The browser reads the file after the click, so its address must live on for a while. */
const ADDRESS_KEPT_MILLISECONDS = 10 * 60 * 1000;

/** Hands a file to the browser's downloads under its name. Its bytes are read from where they lie. */
export function saveFile(file: File): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), ADDRESS_KEPT_MILLISECONDS);
}
