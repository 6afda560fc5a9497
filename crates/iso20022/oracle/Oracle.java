// Prowide as the judge of our XML; started by deploy/dev/iso-oracle.sh, never part of the product.
//
//   Oracle check DIR         every NAME.xml against NAME.table, what its fields mean
//   Oracle bend DIR          every NAME.xml in every way a little wrong: each of them must be found out
//   Oracle write DIR OUT     every NAME.table as Prowide writes it, to OUT/NAME.xml
//
// A table is `message ID`, `header ID`, then lines `PATH = VALUE`: every leaf of header and document, `@Ccy` for an attribute, `[2]`
// for the second of a name. Prowide reads leniently: what it does not know it drops, and any order is good to it. So a document is
// right only if (1) what Prowide read is the table, no leaf more or less, (2) Prowide writes the same elements in the same order
// again, (3) no mandatory element is missing and of each choice there is one.

import com.prowidesoftware.swift.model.mx.AbstractMX;
import com.prowidesoftware.swift.model.mx.AppHdr;
import com.prowidesoftware.swift.model.mx.JaxbContextCacheImpl;
import com.prowidesoftware.swift.model.mx.JaxbContextLoader;
import com.prowidesoftware.swift.model.mx.MxWriteConfiguration;
import jakarta.xml.bind.annotation.XmlAttribute;
import jakarta.xml.bind.annotation.XmlElement;
import jakarta.xml.bind.annotation.XmlType;
import jakarta.xml.bind.annotation.XmlValue;
import java.io.StringReader;
import java.io.StringWriter;
import java.lang.reflect.Field;
import java.lang.reflect.ParameterizedType;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;

public class Oracle {
    static final String MODEL = "com.prowidesoftware.swift.model.mx.";
    /** What a table says of an element that holds nothing. */
    static final String EMPTY = "(empty)";

    public static void main(String[] arguments) throws Exception {
        Logger.getLogger("").setLevel(Level.OFF);
        JaxbContextLoader.INSTANCE.setCacheImpl(new JaxbContextCacheImpl());
        int bad = switch (arguments.length == 0 ? "" : arguments[0]) {
            case "check" -> check(Path.of(arguments[1]));
            case "bend" -> bend(Path.of(arguments[1]));
            case "write" -> write(Path.of(arguments[1]), Path.of(arguments[2]));
            default -> throw new IllegalArgumentException("check DIR, bend DIR or write DIR OUT");
        };
        System.exit(bad == 0 ? 0 : 1);
    }

    // ---- check

    static int check(Path folder) throws Exception {
        int files = 0, values = 0, bad = 0;
        Map<String, Integer> kinds = new TreeMap<>();
        for (Path file : files(folder, ".xml")) {
            Table table = Table.read(sibling(file, ".table"));
            List<String> faults = faults(Files.readString(file), table);
            files++;
            values += table.values.size();
            kinds.merge(table.message, 1, Integer::sum);
            if (!faults.isEmpty()) {
                bad++;
                System.out.println(file.getFileName() + ":\n  " + String.join("\n  ", faults));
            }
        }
        System.out.println("check: " + files + " documents, " + values + " values, " + bad + " wrong " + kinds);
        return files == 0 ? 1 : bad;
    }

    /** What is wrong with a document; empty: nothing. */
    static List<String> faults(String xml, Table table) {
        List<String> faults = new ArrayList<>();
        try {
            Document sent = dom(xml);
            AbstractMX message = AbstractMX.parse(xml);
            if (message == null) {
                return List.of("Prowide does not know this message");
            }
            if (!message.getMxId().id().equals(table.message)) {
                faults.add("it is " + message.getMxId().id() + ", meant was " + table.message);
            }
            Map<String, String> found = new LinkedHashMap<>();
            AppHdr header = message.getAppHdr();
            if (header == null) {
                faults.add("Prowide sees no header");
            } else {
                flatten(header, "AppHdr", found, faults);
                same(only(sent, "AppHdr"), dom(message.header()).getDocumentElement(), "AppHdr", faults);
            }
            flatten(message, "Document", found, faults);
            same(only(sent, "Document"), dom(message.document()).getDocumentElement(), "Document", faults);
            TreeSet<String> paths = new TreeSet<>(found.keySet());
            paths.addAll(table.values.keySet());
            for (String path : paths) {
                String read = found.get(path), meant = table.values.get(path);
                if (read == null || meant == null || !alike(read, meant)) {
                    faults.add(path + ": Prowide read " + read + ", meant was " + meant);
                }
            }
        } catch (Exception | AssertionError error) {
            faults.add("Prowide failed: " + error);
        }
        return faults;
    }

    /** Every leaf of what Prowide read, and what it misses. */
    static void flatten(Object object, String path, Map<String, String> out, List<String> faults) throws Exception {
        int present = 0;
        boolean leaf = false;
        for (Field field : fields(object.getClass())) {
            Object value = field.get(object);
            if (field.isAnnotationPresent(XmlValue.class)) {
                leaf = true;
                if (value == null) {
                    faults.add(path + ": no value that Prowide can read");
                } else {
                    out.put(path, text(value));
                }
            } else if (field.isAnnotationPresent(XmlAttribute.class)) {
                if (value != null) {
                    out.put(path + "@" + attribute(field), value.toString());
                }
            } else {
                List<?> values = value instanceof List<?> list ? list : value == null ? List.of() : List.of(value);
                String name = path + "/" + name(field);
                if (values.isEmpty() && required(field)) {
                    faults.add(name + ": mandatory, and Prowide sees none");
                }
                present += values.isEmpty() ? 0 : 1;
                for (int number = 0; number < values.size(); number++) {
                    String numbered = number == 0 ? name : name + "[" + (number + 1) + "]";
                    Object inner = values.get(number);
                    if (isLeaf(inner.getClass())) {
                        out.put(numbered, text(inner));
                    } else {
                        flatten(inner, numbered, out, faults);
                    }
                }
            }
        }
        if (present == 0 && !leaf) {
            out.put(path, EMPTY);
        }
        if (object.getClass().getSimpleName().endsWith("Choice") && present != 1) {
            faults.add(path + ": " + present + " of a choice, expected one");
        }
    }

    /** Same elements in the same order. */
    static void same(Element sent, Element again, String path, List<String> faults) {
        if (!sent.getLocalName().equals(again.getLocalName()) || !sent.getNamespaceURI().equals(again.getNamespaceURI())) {
            faults.add(path + ": sent {" + sent.getNamespaceURI() + "}" + sent.getLocalName() + ", Prowide writes {"
                + again.getNamespaceURI() + "}" + again.getLocalName());
            return;
        }
        List<Element> ours = elements(sent), theirs = elements(again);
        if (ours.isEmpty() && theirs.isEmpty()) {
            if (!alike(sent.getTextContent().trim(), again.getTextContent().trim())) {
                faults.add(path + ": sent " + sent.getTextContent() + ", Prowide writes " + again.getTextContent());
            }
            return;
        }
        List<String> names = ours.stream().map(Node::getLocalName).toList();
        List<String> others = theirs.stream().map(Node::getLocalName).toList();
        if (!names.equals(others)) {
            faults.add(path + ": sent " + names + ", Prowide writes " + others);
            return;
        }
        for (int number = 0; number < ours.size(); number++) {
            same(ours.get(number), theirs.get(number), path + "/" + names.get(number), faults);
        }
    }

    /** Equal as texts, as numbers or as instants. */
    static boolean alike(String one, String other) {
        if (one.equals(other)) {
            return true;
        }
        try {
            return new BigDecimal(one).compareTo(new BigDecimal(other)) == 0;
        } catch (NumberFormatException notNumbers) {
            try {
                return OffsetDateTime.parse(one).isEqual(OffsetDateTime.parse(other));
            } catch (Exception notInstants) {
                return false;
            }
        }
    }

    // ---- bend

    static int bend(Path folder) throws Exception {
        int bent = 0, missed = 0;
        for (Path file : files(folder, ".xml")) {
            Table table = Table.read(sibling(file, ".table"));
            String xml = Files.readString(file);
            int count = all(dom(xml)).size();
            for (int number = 0; number < count; number++) {
                for (String way : List.of("drop", "change", "rename", "swap", "double")) {
                    Document document = dom(xml);
                    Element element = all(document).get(number);
                    if (!bend(element, way)) {
                        continue;
                    }
                    bent++;
                    if (faults(print(document), table).isEmpty()) {
                        missed++;
                        System.out.println(file.getFileName() + ": " + way + " of " + element.getTagName() + " was not found out");
                    }
                }
            }
        }
        System.out.println("bend: " + bent + " wrong documents, " + missed + " taken for good");
        return bent == 0 ? 1 : missed;
    }

    static boolean bend(Element element, String way) {
        Node parent = element.getParentNode();
        if (parent.getNodeType() != Node.ELEMENT_NODE || List.of("AppHdr", "Document").contains(element.getLocalName())) {
            return false;
        }
        boolean leaf = elements(element).isEmpty();
        List<Element> siblings = elements((Element) parent);
        int place = siblings.indexOf(element);
        switch (way) {
            case "drop" -> parent.removeChild(element);
            case "rename" -> element.getOwnerDocument().renameNode(element, element.getNamespaceURI(), "Bogus");
            case "change" -> {
                if (!leaf || element.getTextContent().isBlank()) {
                    return false;
                }
                element.setTextContent(element.getTextContent() + "7");
            }
            case "swap" -> {
                if (place == 0 || siblings.get(place - 1).getLocalName().equals(element.getLocalName())) {
                    return false;
                }
                parent.insertBefore(element, siblings.get(place - 1));
            }
            case "double" -> parent.insertBefore(element.cloneNode(true), element);
            default -> throw new IllegalArgumentException(way);
        }
        return true;
    }

    // ---- write

    static int write(Path tables, Path out) throws Exception {
        Files.createDirectories(out);
        int written = 0;
        for (Path file : files(tables, ".table")) {
            Table table = Table.read(file);
            AbstractMX message = (AbstractMX) Class.forName(MODEL + "Mx" + compact(table.message)).getDeclaredConstructor().newInstance();
            Object header = Class.forName(MODEL + "BusinessAppHdrV" + table.header.substring(13)).getDeclaredConstructor().newInstance();
            for (Map.Entry<String, String> line : table.values.entrySet()) {
                List<String> steps = List.of(line.getKey().split("/"));
                set(steps.get(0).equals("AppHdr") ? header : message, steps.subList(1, steps.size()), line.getValue());
            }
            message.setAppHdr((AppHdr) header);
            Files.writeString(out.resolve(sibling(file, ".xml").getFileName()), message.message(new MxWriteConfiguration()) + "\n");
            written++;
        }
        System.out.println("write: " + written + " documents");
        return written == 0 ? 1 : 0;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static void set(Object object, List<String> steps, String value) throws Exception {
        String step = steps.get(0), attribute = null;
        if (step.contains("@")) {
            attribute = step.substring(step.indexOf('@') + 1);
            step = step.substring(0, step.indexOf('@'));
        }
        int number = 1;
        if (step.endsWith("]")) {
            number = Integer.parseInt(step.substring(step.indexOf('[') + 1, step.length() - 1));
            step = step.substring(0, step.indexOf('['));
        }
        for (Field field : fields(object.getClass())) {
            if (field.isAnnotationPresent(XmlAttribute.class) || field.isAnnotationPresent(XmlValue.class) || !name(field).equals(step)) {
                continue;
            }
            Class<?> type = field.getType();
            List list = null;
            if (List.class.isAssignableFrom(type)) {
                type = (Class<?>) ((ParameterizedType) field.getGenericType()).getActualTypeArguments()[0];
                list = (List) field.get(object);
                if (list == null) {
                    field.set(object, list = new ArrayList<>());
                }
            }
            Object inner = list == null ? field.get(object) : number <= list.size() ? list.get(number - 1) : null;
            if (inner == null) {
                inner = isLeaf(type) ? leaf(type, value) : type.getDeclaredConstructor().newInstance();
                if (list == null) {
                    field.set(object, inner);
                } else {
                    list.add(inner);
                }
            }
            if (isLeaf(type)) {
                return;
            }
            if (steps.size() > 1) {
                set(inner, steps.subList(1, steps.size()), value);
                return;
            }
            for (Field part : fields(type)) {
                boolean is = attribute == null ? part.isAnnotationPresent(XmlValue.class)
                    : part.isAnnotationPresent(XmlAttribute.class) && attribute(part).equals(attribute);
                if (is) {
                    part.set(inner, leaf(part.getType(), value));
                    return;
                }
            }
        }
        throw new IllegalArgumentException(object.getClass().getSimpleName() + " has no " + String.join("/", steps));
    }

    static Object leaf(Class<?> type, String value) throws Exception {
        if (type.isEnum()) {
            return type.getMethod("fromValue", String.class).invoke(null, value);
        }
        return switch (type.getSimpleName()) {
            case "String" -> value;
            case "BigDecimal" -> new BigDecimal(value);
            case "Boolean", "boolean" -> Boolean.valueOf(value);
            case "OffsetDateTime" -> OffsetDateTime.parse(value);
            case "LocalDate" -> LocalDate.parse(value);
            default -> throw new IllegalArgumentException("a leaf of type " + type);
        };
    }

    // ---- Prowide's classes

    static boolean isLeaf(Class<?> type) {
        return type.isEnum() || type.isPrimitive() || type.getName().startsWith("java");
    }

    static String text(Object value) throws Exception {
        if (value instanceof Enum<?>) {
            return (String) value.getClass().getMethod("value").invoke(value);
        }
        return value instanceof BigDecimal number ? number.toPlainString() : value.toString();
    }

    /** The elements, attributes and values of a class. */
    static List<Field> fields(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        for (Class<?> at = type; at != null && at.getName().startsWith("com.prowidesoftware"); at = at.getSuperclass()) {
            XmlType xml = at.getAnnotation(XmlType.class);
            List<String> order = xml == null ? List.of() : List.of(xml.propOrder());
            for (Field field : at.getDeclaredFields()) {
                if (order.contains(field.getName()) || field.isAnnotationPresent(XmlAttribute.class) || field.isAnnotationPresent(XmlValue.class)) {
                    field.setAccessible(true);
                    fields.add(field);
                }
            }
        }
        return fields;
    }

    static String name(Field field) {
        XmlElement element = field.getAnnotation(XmlElement.class);
        return element == null || element.name().equals("##default") ? field.getName() : element.name();
    }

    static String attribute(Field field) {
        String name = field.getAnnotation(XmlAttribute.class).name();
        return name.equals("##default") ? field.getName() : name;
    }

    static boolean required(Field field) {
        XmlElement element = field.getAnnotation(XmlElement.class);
        return element != null && element.required();
    }

    /** `Sese02500112` of `sese.025.001.12`. */
    static String compact(String message) {
        String plain = message.replace(".", "");
        return Character.toUpperCase(plain.charAt(0)) + plain.substring(1);
    }

    // ---- documents and files

    static Document dom(String xml) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return factory.newDocumentBuilder().parse(new InputSource(new StringReader(xml)));
    }

    static String print(Document document) throws Exception {
        StringWriter out = new StringWriter();
        var transformer = TransformerFactory.newInstance().newTransformer();
        transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
        transformer.transform(new DOMSource(document), new StreamResult(out));
        return out.toString();
    }

    static List<Element> elements(Element parent) {
        List<Element> found = new ArrayList<>();
        for (Node at = parent.getFirstChild(); at != null; at = at.getNextSibling()) {
            if (at instanceof Element element) {
                found.add(element);
            }
        }
        return found;
    }

    static List<Element> all(Document document) {
        List<Element> found = new ArrayList<>();
        for (String part : List.of("AppHdr", "Document")) {
            var below = only(document, part).getElementsByTagNameNS("*", "*");
            for (int number = 0; number < below.getLength(); number++) {
                found.add((Element) below.item(number));
            }
        }
        return found;
    }

    static Element only(Document document, String name) {
        var found = document.getElementsByTagNameNS("*", name);
        if (found.getLength() != 1) {
            throw new AssertionError(found.getLength() + " elements " + name);
        }
        return (Element) found.item(0);
    }

    static List<Path> files(Path folder, String ending) throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(ending)).sorted().toList();
        }
    }

    static Path sibling(Path file, String ending) {
        String name = file.getFileName().toString();
        return file.resolveSibling(name.substring(0, name.lastIndexOf('.')) + ending);
    }

    record Table(String message, String header, Map<String, String> values) {
        static Table read(Path file) throws Exception {
            String message = "", header = "head.001.001.02";
            Map<String, String> values = new LinkedHashMap<>();
            for (String line : Files.readAllLines(file)) {
                if (line.isBlank() || line.startsWith("#")) {
                    continue;
                } else if (line.startsWith("message ")) {
                    message = line.substring(8).trim();
                } else if (line.startsWith("header ")) {
                    header = line.substring(7).trim();
                } else {
                    int equals = line.indexOf(" = ");
                    values.put(line.substring(0, equals).trim(), line.substring(equals + 3));
                }
            }
            return new Table(message, header, values);
        }
    }
}
