// Axis 1.4 without a WSDL, as most departments' programs of its time call: see README.md.
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Paths;
import javax.xml.namespace.QName;
import org.apache.axis.AxisFault;
import org.apache.axis.client.Call;
import org.apache.axis.client.Service;

public class DynamicClient {
    static String push(String address, String secret, String message) throws Exception {
        Call call = (Call) new Service().createCall();
        call.setTargetEndpointAddress(address);
        call.setOperationName(new QName("http://tempuri.org/", "PushProcess"));
        return (String) call.invoke(new Object[] {secret, message});
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        String address = arguments[0].substring(0, arguments[0].indexOf('?'));
        String message = new String(Files.readAllBytes(Paths.get(arguments[2])), "UTF-8");
        out.println("reply=" + push(address, arguments[1], message));
        try {
            push(address, "wrong", message);
        } catch (AxisFault fault) {
            out.println("fault=" + fault.getFaultString());
        }
    }
}
