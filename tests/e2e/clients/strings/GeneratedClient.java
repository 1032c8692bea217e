// Axis 1.4 with the proxy classes of WSDL2Java: see README.md.
import java.io.PrintStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.apache.axis.AxisFault;
import org.tempuri.PushProcessServiceLocator;
import org.tempuri.PushProcessServiceSoap;

public class GeneratedClient {
    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        String message = new String(Files.readAllBytes(Paths.get(arguments[2])), "UTF-8");
        PushProcessServiceSoap service = new PushProcessServiceLocator().getPushProcessServiceSoap();
        out.println("reply=" + service.pushProcess(arguments[1], message));
        try {
            service.pushProcess("wrong", message);
        } catch (AxisFault fault) {
            out.println("fault=" + fault.getFaultString());
        }
    }
}
