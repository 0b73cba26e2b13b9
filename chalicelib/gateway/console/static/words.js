// Words of the service that several views show.

export const CATEGORIES = [
  [0, "Tops"],
  [1, "Dress"],
  [2, "Bottoms"],
  [3, "Bag"],
  [4, "Shoes"],
  [5, "Accessories"],
  [6, "Snack"],
  [7, "Makeup"],
  [8, "Bottle"],
  [9, "Furniture"],
  [20, "Toy"],
  [21, "Underwear"],
  [22, "Digital device"],
  [88888888, "Other"],
];

export const TYPES = [
  ["product", "Product", "Goods from photographs; sorted into categories."],
  ["generic", "Generic", "Any pictures; finds copies and close relatives."],
  ["fabric", "Fabric", "Cloth and patterns; always the whole picture."],
  ["trademark", "Trademark", "Logos and marks, also redrawn or in other colours."],
];

export const ATTRIBUTES = [
  ["IntAttr", "int_attr"],
  ["IntAttr2", "int_attr2"],
  ["IntAttr3", "int_attr3"],
  ["IntAttr4", "int_attr4"],
  ["StrAttr", "str_attr"],
  ["StrAttr2", "str_attr2"],
  ["StrAttr3", "str_attr3"],
  ["StrAttr4", "str_attr4"],
];

export function categoryName(id) {
  return CATEGORIES.find(([key]) => key === Number(id))?.[1] ?? `Category ${id}`;
}

export const typeName = (type) => TYPES.find(([key]) => key === type)?.[1] ?? type;

// "<relevance>;<hamming>"
export function sortValues(text) {
  const [relevance, hamming] = String(text ?? "").split(";");
  return {
    relevance,
    hamming: Number(hamming),
    identical: hamming === "0" && Number(relevance) > 1e20,
  };
}
