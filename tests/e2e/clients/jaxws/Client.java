// JAX-WS 2.x: see ../README.md. Proxy classes by wsimport.
import hub.county.exchange.v1.*;
import java.io.PrintStream;
import java.net.URL;
import java.util.Arrays;
import java.util.List;
import javax.xml.datatype.DatatypeFactory;
import javax.xml.datatype.XMLGregorianCalendar;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.WebServiceException;

public class Client {
    static CountyExchangePortType connect(String wsdlUrl, String sender, String secret) throws Exception {
        CountyExchangePortType port = new CountyExchange(new URL(wsdlUrl)).getCountyExchangePort();
        ((BindingProvider) port).getRequestContext().put(BindingProvider.USERNAME_PROPERTY, sender);
        ((BindingProvider) port).getRequestContext().put(BindingProvider.PASSWORD_PROPERTY, secret);
        return port;
    }

    static XMLGregorianCalendar time(String text) throws Exception {
        return DatatypeFactory.newInstance().newXMLGregorianCalendar(text);
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

    static List<ProcessRecord> records(String messageId, String orgCode) throws Exception {
        ProcessRecord first = step(messageId, orgCode, 1, "受理", "ACCEPTED");
        first.setHandledAt(time("2026-03-02T10:00:00+08:00"));
        first.setOpinion("材料齐全 <甲> & \"乙\"");
        Application application = new Application();
        application.setTitle("样例食品店经营许可");
        application.setAppliedAt(time("2026-03-02T09:30:00+08:00"));
        application.setApplicantName("喆㛃䶮𬭎商店");
        application.setPromisedLimit(5);
        application.setLimitUnit("WORKING_DAY");
        first.setApplication(application);
        ProcessRecord second = step(messageId, orgCode, 2, "审查", "RUNNING");
        second.setStartedAt(time("2026-03-02T14:00:00+08:00"));
        return Arrays.asList(first, second);
    }

    public static void main(String[] arguments) throws Exception {
        String wsdlUrl = arguments[0], sender = arguments[1], messageId = arguments[3], orgCode = arguments[4];
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        CountyExchangePortType hub = connect(wsdlUrl, sender, arguments[2]);
        javax.xml.ws.Holder<String> contract = new javax.xml.ws.Holder<>();
        hub.ping(new javax.xml.ws.Holder<>(), contract);
        out.println("contract=" + contract.value);
        Receipt receipt = hub.pushProcess(messageId, records(messageId, orgCode));
        out.println("status=" + receipt.getStatus() + "\naccepted=" + receipt.getAcceptedCount());
        out.println("states=" + hub.queryReceipt(receipt.getReceiptNo(), null).getRecordState().size());
        out.println("again=" + hub.pushProcess(messageId, records(messageId, orgCode)).getStatus());
        try {
            connect(wsdlUrl, sender, "wrong").queryReceipt(receipt.getReceiptNo(), null);
        } catch (WebServiceException | HubFault refusal) {
            out.println("refused=" + refusal.getMessage());
        }
        try {
            hub.queryReceipt("unknown", null);
        } catch (HubFault fault) {
            out.println("fault=" + fault.getMessage() + "\ncode=" + fault.getFaultInfo().getCode());
        }
    }
}
