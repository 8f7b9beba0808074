/** A name as people write it: the carets of DICOM become a comma and spaces. */
export function formatName(name: string): string {
  const [family = '', ...others] = name.split('^').map((part) => part.trim());
  const given = others.filter((part) => part !== '').join(' ');
  return given ? `${family}, ${given}` : family;
}
