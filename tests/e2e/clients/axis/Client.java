// Axis 1.4: see ../README.md. Proxy classes by WSDL2Java.
import java.io.PrintStream;
import java.net.URL;
import java.util.Calendar;
import java.util.GregorianCalendar;
import java.util.TimeZone;
import javax.xml.rpc.holders.CalendarHolder;
import javax.xml.rpc.holders.StringHolder;
import org.apache.axis.AxisFault;
import v1.exchange.county_hub.*;

public class Client {
    static CountyExchangePortType connect(String wsdlUrl, String sender, String secret) throws Exception {
        URL address = new URL(wsdlUrl.substring(0, wsdlUrl.indexOf('?')));
        CountyExchangePortBindingStub stub =
            (CountyExchangePortBindingStub) new CountyExchangeLocator().getCountyExchangePort(address);
        stub.setUsername(sender);
        stub.setPassword(secret);
        return stub;
    }

    static Calendar time(int hour, int minute) {
        Calendar time = new GregorianCalendar(TimeZone.getTimeZone("Asia/Shanghai"));
        time.clear();
        time.set(2026, Calendar.MARCH, 2, hour, minute, 0);
        return time;
    }

    static ProcessRecord step(String messageId, String orgCode, int stepSeq, String stepName, String stepStatus) {
        ProcessRecord record = new ProcessRecord();
        record.setRecordId(messageId + "-" + stepSeq);
        record.setCaseNo(messageId);
        record.setItemCode("33032400AJ-XK-0001");
        record.setOrgCode(orgCode);
        record.setStepSeq(stepSeq);
        record.setStepName(stepName);
        record.setOfficerName("喆㛃䶮𬭎");
        record.setStepStatus(stepStatus);
        return record;
    }

    static ProcessRecord[] records(String messageId, String orgCode) {
        ProcessRecord first = step(messageId, orgCode, 1, "受理", "ACCEPTED");
        first.setHandledAt(time(10, 0));
        first.setOpinion("材料齐全 <甲> & \"乙\"");
        Application application = new Application();
        application.setTitle("样例食品店经营许可");
        application.setAppliedAt(time(9, 30));
        application.setApplicantName("喆㛃䶮𬭎商店");
        application.setPromisedLimit(5);
        application.setLimitUnit("WORKING_DAY");
        first.setApplication(application);
        ProcessRecord second = step(messageId, orgCode, 2, "审查", "RUNNING");
        second.setStartedAt(time(14, 0));
        return new ProcessRecord[] {first, second};
    }

    public static void main(String[] arguments) throws Exception {
        String wsdlUrl = arguments[0], sender = arguments[1], messageId = arguments[3], orgCode = arguments[4];
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        CountyExchangePortType hub = connect(wsdlUrl, sender, arguments[2]);
        StringHolder contract = new StringHolder();
        hub.ping(new CalendarHolder(), contract);
        out.println("contract=" + contract.value);
        Receipt receipt = hub.pushProcess(messageId, records(messageId, orgCode));
        out.println("status=" + receipt.getStatus() + "\naccepted=" + receipt.getAcceptedCount());
        out.println("states=" + hub.queryReceipt(receipt.getReceiptNo(), null).getRecordState().length);
        out.println("again=" + hub.pushProcess(messageId, records(messageId, orgCode)).getStatus());
        try {
            connect(wsdlUrl, sender, "wrong").queryReceipt(receipt.getReceiptNo(), null);
        } catch (AxisFault refusal) {
            out.println("refused=" + refusal.getFaultString());
        }
        try {
            hub.queryReceipt("unknown", null);
        } catch (HubFaultDetail fault) {
            out.println("fault=" + fault.getFaultString() + "\ncode=" + fault.getCode());
        }
    }
}
